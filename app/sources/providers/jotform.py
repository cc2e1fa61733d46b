"""Jotform: form submissions.

Source: jotform.com/help/245 and api.jotform.com/docs; the field set is that of a public capture. Jotform signs nothing
and adds no header: the secret is the last part of the webhook's URL, and is removed before a delivery is stored.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from app.model import Event
from app.sources.base import CredentialProvider
from app.sources.credentials import Credential
from app.sources.fields import first_text, parse_object, required, text
from app.sources.forms import form
from app.sources.person_fields import Person, person_by_label

if TYPE_CHECKING:
    from app.model import Delivery, SourceConfig

# Answers are named q{number}_{slug}; a repeated slug gets a number, and its words are written inCamelCase.
ANSWER = re.compile(r"q\d+_(.+)")
WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])|[\d_]+$")


class Jotform(CredentialProvider):
    """`submissionID` identifies the event; the payload holds no time."""

    name = "jotform"
    credential = Credential("url")

    def events(self, delivery: Delivery, config: SourceConfig) -> list[Event]:
        """Return the one event. `event.data` holds the form's fields, and the answers from `rawRequest`."""
        fields = form(delivery)
        submission = required(fields, "submissionID")
        raw = parse_object(text(fields, "rawRequest") or "{}")
        answers = dict(_answers(raw))
        person = person_by_label([(_words(slug), value) for slug, value in _texts(answers)])
        return [
            Event(
                source=config.name,
                type="submission",
                dedupe=(submission,),
                id=submission,
                data=answers | fields | {"rawRequest": raw},
                answers=dict(_texts(answers)),
                **_with_names(person, answers),
            ),
        ]


def _answers(raw: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(found[1], value) for key, value in raw.items() if (found := ANSWER.fullmatch(key))]


def _texts(answers: dict[str, Any]) -> list[tuple[str, str]]:
    return [(slug, value) for slug, value in answers.items() if isinstance(value, str)]


def _words(slug: str) -> str:
    return WORDS.sub(" ", slug)


def _with_names(person: Person, answers: dict[str, Any]) -> Person:
    """Return the person with the names of the first answer that is a name, which is an object."""
    parts = next(
        (value for value in answers.values() if isinstance(value, dict) and {"first", "last"} & set(value)), {}
    )
    first, last = text(parts, "first"), text(parts, "last")
    return {
        **person,
        "first_name": first_text(first, person["first_name"]),
        "last_name": first_text(last, person["last_name"]),
    }


PROVIDER = Jotform()
