"""Jotform: form submissions.

Source: jotform.com/help/245 and api.jotform.com/docs; the field set is that of a public capture. Jotform signs nothing
and adds no header: the secret is the last part of the webhook's URL, and is removed before a delivery is stored. The
titles of questions are in `pretty` only: "Title:answer, Title:answer", in the order of the form.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from app.model import Delivery, Event, SourceConfig
from app.sources.answers import as_answer, by_question, one_or_all, unescaped
from app.sources.base import CredentialProvider
from app.sources.credentials import Credential
from app.sources.fields import body_digest, required, text
from app.sources.forms import form
from app.sources.person_fields import Person, first_of, person_at, person_by_label
from app.sources.strict_json import parse_object

if TYPE_CHECKING:
    from collections.abc import Iterator

# Answers are named q{number}_{slug}; a repeated slug gets a number, and its words are written inCamelCase.
ANSWER = re.compile(r"q\d+_(.+)")
WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")
# Each answer is searched in all of `pretty`, so both are bounded.
MAXIMUM_TITLED, MAXIMUM_PRETTY = 200, 64 * 1024


class Jotform(CredentialProvider):
    """`submissionID` and the answers identify the event: an edited submission keeps its id. No time is sent."""

    name = "jotform"
    credential = Credential("url")

    def parsed(self, delivery: Delivery) -> dict[str, Any]:
        """Return the form's fields."""
        return form(delivery)

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event. `event.data` holds the form's fields, and the answers from `rawRequest`."""
        submission = required(body, "submissionID")
        sent = text(body, "rawRequest") or "{}"
        raw = parse_object(sent)
        found = {match[1]: _value(value) for key, value in raw.items() if (match := ANSWER.fullmatch(key))}
        titles = dict(_titles(unescaped(text(body, "pretty") or ""), found))
        answers = by_question((titles.get(slug), slug, value) for slug, value in found.items())
        return Event(
            source=config.name,
            type="submission",
            dedupe=(submission, body_digest(sent.encode())),
            id=submission,
            data=found | body | {"rawRequest": raw},
            answers=answers,
            **first_of(
                _names(found),
                person_by_label((WORDS.sub(" ", slug), answers[slug]) for slug in found if slug in answers),
                person_by_label(answers.items()),
            ),
        )


def _value(sent: Any) -> Any:
    """Return an answer without HTML's escapes; of chosen options the texts, with the one that was typed as `other`."""
    value = unescaped(sent)
    if isinstance(value, dict) and value and all(map(_is_option, value.items())):
        return one_or_all(list(value.values()), several=set(value) != {"other"})
    return value


def _is_option(item: tuple[str, Any]) -> bool:
    """Tell an option from a table's row, whose value is not a text."""
    key, value = item
    return (key == "other" or key.isdecimal()) and isinstance(value, str)


def _titles(pretty: str, found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (name, title) of the answers that are texts: a title is what stands between two known answers."""
    if len(pretty) > MAXIMUM_PRETTY:
        return
    start, after_known = 0, True
    for slug, value in list(found.items())[:MAXIMUM_TITLED]:
        answer = as_answer(value)
        shown = re.compile(f":{re.escape(answer)}(?:, |$)").search(pretty, start) if isinstance(answer, str) else None
        if shown:
            title = pretty[start : shown.start()]
            yield slug, title if after_known else title.rpartition(", ")[2]
            start = shown.end()
        after_known = shown is not None


def _names(answers: dict[str, Any]) -> Person:
    """Return the names in the first answer that is a name, which is an object."""
    named = (value for value in answers.values() if isinstance(value, dict) and {"first", "last"} & set(value))
    return person_at(next(named, None), first_name="first", last_name="last")


PROVIDER = Jotform()
