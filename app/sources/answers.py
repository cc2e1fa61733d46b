"""A form's answers as texts, by the titles and by the ids of their questions: what `event.answers` holds.

A provider passes rows of (title, id, value). The title is what visitors read; the id is the form's own name of the
question, where it has one.
"""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

Answer = str | list[str]
# The semicolon is required: without it, "&copy" in the address of a web page would become another character.
REFERENCE = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
BREAK = re.compile(r"</?(?:p|br|div|li)\b[^<>]*>", re.IGNORECASE)
TAG = re.compile(r"</?[a-zA-Z][^<>]*>")


def by_question(rows: Iterable[tuple[str | None, str | None, Any]]) -> dict[str, Answer]:
    """Return the answers by title and by id. Of several for one name the first counts, and a title counts before an id.

    An answer that was left empty, or has no text, is absent.
    """
    answered = [(title, ref, answer) for title, ref, value in rows if (answer := as_answer(value)) is not None]
    named = [(title, answer) for title, _, answer in answered] + [(ref, answer) for _, ref, answer in answered]
    found: dict[str, Answer] = {}
    for name, answer in named:
        if name and name.strip():
            found.setdefault(name.strip(), answer)
    return found


def answers_in(value: Any) -> dict[str, Answer]:
    """Return the answers of an object that holds each by its question; none where the value is no object."""
    return by_question((key, None, answer) for key, answer in value.items()) if isinstance(value, dict) else {}


def as_answer(value: Any) -> Answer | None:
    """Return a value as an answer: a text, or the texts of a list; None where there is none.

    Numbers, true and false are written as in JSON.
    """
    if isinstance(value, list):
        return [text for each in value if isinstance(text := as_answer(each), str)] or None
    if isinstance(value, str):
        return value if value.strip() else None
    return json.dumps(value) if isinstance(value, bool | int | float) else None


def one_or_all(texts: list[str], *, several: bool) -> Answer | None:
    """Return the only text, or a list of all where there are more, or where `several` may be chosen."""
    return texts[0] if len(texts) == 1 and not several else texts or None


def choice_ids(rows: Iterable[tuple[str | None, Any]]) -> dict[str, Any]:
    """Return what `event.data` has of the ids of chosen options: `choice_ids`, by the name of the question."""
    ids = {name: chosen for name, chosen in rows if name and chosen}
    return {"choice_ids": ids} if ids else {}


def unescaped(value: Any) -> Any:
    """Return a value with HTML's character references in its texts replaced, for tools that escape what was typed."""
    if isinstance(value, str):
        return REFERENCE.sub(lambda found: html.unescape(found[0]), value)
    if isinstance(value, list):
        return [unescaped(each) for each in value]
    if isinstance(value, dict):
        return {key: unescaped(each) for key, each in value.items()}
    return value


def without_markup(title: str) -> str:
    """Return the text of a title that is HTML."""
    text: str = unescaped(TAG.sub("", BREAK.sub(" ", title)))
    return " ".join(text.split())
