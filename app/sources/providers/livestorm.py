"""Livestorm: people that register for, attend or miss a webinar.

Source: developers.livestorm.co/docs/webhooks-1 (events and retries); the field names are those of public integrations.
No signature is documented: the secret is the last part of the webhook's URL. A webhook covers the whole workspace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.model import Event
from app.sources.base import CredentialProvider
from app.sources.credentials import Credential
from app.sources.fields import find, first_text, id_at, instant, parse_object, required, text, tuple_or_digest
from app.sources.person_fields import person_by_label

if TYPE_CHECKING:
    from app.model import Delivery, SourceConfig


class Livestorm(CredentialProvider):
    """A delivery has no id: event, person and session together identify it."""

    name = "livestorm"
    credential = Credential("url")

    def events(self, delivery: Delivery, config: SourceConfig) -> list[Event]:
        """Return the one event; the company is a field of the registration form."""
        body = parse_object(delivery.body)
        kind = required(body, "data", "meta", "webhook", "event")
        person = find(body, "data", "attributes")
        answers = dict(_answers(person))
        answered = person_by_label(list(answers.items()))
        session = id_at(person, "registrant_detail", "session_id")
        return [
            Event(
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
            ),
        ]


def _answers(person: Any) -> list[tuple[str, str]]:
    fields = find(person, "registrant_detail", "fields")
    rows = fields if isinstance(fields, list) else []
    return [(text(row, "id") or "", text(row, "value") or "") for row in rows]


PROVIDER = Livestorm()
