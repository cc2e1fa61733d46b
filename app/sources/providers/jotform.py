"""Jotform: form submissions.

Source: jotform.com/help/245 and api.jotform.com/docs; the field set is that of a public capture. Jotform signs nothing
and adds no header: the secret is the last part of the webhook's URL, and is removed before a delivery is stored.
"""

from __future__ import annotations

import re
from typing import Any

from app.model import Delivery, Event, SourceConfig
from app.sources.base import CredentialProvider
from app.sources.credentials import Credential
from app.sources.fields import required, text
from app.sources.forms import form
from app.sources.person_fields import Person, first_of, person_at, person_by_label
from app.sources.strict_json import parse_object

# Answers are named q{number}_{slug}; a repeated slug gets a number, and its words are written inCamelCase.
ANSWER = re.compile(r"q\d+_(.+)")
WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])|[\d_]+$")


class Jotform(CredentialProvider):
    """`submissionID` identifies the event; the payload holds no time."""

    name = "jotform"
    credential = Credential("url")

    def parsed(self, delivery: Delivery) -> dict[str, Any]:
        """Return the form's fields."""
        return form(delivery)

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event. `event.data` holds the form's fields, and the answers from `rawRequest`."""
        submission = required(body, "submissionID")
        raw = parse_object(text(body, "rawRequest") or "{}")
        answers = {found[1]: value for key, value in raw.items() if (found := ANSWER.fullmatch(key))}
        texts = {slug: value for slug, value in answers.items() if isinstance(value, str)}
        return Event(
            source=config.name,
            type="submission",
            dedupe=(submission,),
            id=submission,
            data=answers | body | {"rawRequest": raw},
            answers=texts,
            **first_of(_names(answers), person_by_label((WORDS.sub(" ", slug), texts[slug]) for slug in texts)),
        )


def _names(answers: dict[str, Any]) -> Person:
    """Return the names in the first answer that is a name, which is an object."""
    named = (value for value in answers.values() if isinstance(value, dict) and {"first", "last"} & set(value))
    return person_at(next(named, None), first_name="first", last_name="last")


PROVIDER = Jotform()
