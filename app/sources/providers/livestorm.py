"""Livestorm: people that register for, attend or miss a webinar.

Source: developers.livestorm.co/docs/webhooks-1 (events and retries); the field names are those of public integrations.
No signature is documented: the secret is the last part of the webhook's URL. A webhook covers the whole workspace.
"""

from __future__ import annotations

from typing import Any

from app.model import Delivery, Event, SourceConfig
from app.sources.answers import Answer, by_question
from app.sources.base import CredentialProvider
from app.sources.credentials import Credential
from app.sources.fields import find, first_text, id_at, instant, list_at, required, text, tuple_or_digest
from app.sources.person_fields import person_by_label


class Livestorm(CredentialProvider):
    """A delivery has no id: event, person and session together identify it."""

    name = "livestorm"
    credential = Credential("url")

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event; the company is a field of the registration form."""
        kind = required(body, "data", "meta", "webhook", "event")
        person = find(body, "data", "attributes")
        answers = _answers(person)
        answered = person_by_label(answers.items())
        session = id_at(person, "registrant_detail", "session_id")
        return Event(
            source=config.name,
            type=kind,
            dedupe=tuple_or_digest(kind, id_at(body, "data", "id"), session, body=delivery.body),
            occurred_at=instant(person, "created_at"),
            email=first_text(text(person, "email"), answered["email"]),
            first_name=first_text(text(person, "first_name"), answered["first_name"]),
            last_name=first_text(text(person, "last_name"), answered["last_name"]),
            company=answered["company"],
            data=body,
            answers=answers,
        )


def _answers(person: Any) -> dict[str, Answer]:
    rows = list_at(person, "registrant_detail", "fields")
    return by_question((None, text(row, "id"), find(row, "value")) for row in rows)


PROVIDER = Livestorm()
