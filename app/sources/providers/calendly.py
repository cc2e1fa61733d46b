"""Calendly: bookings, cancellations and no-shows.

Source: developer.calendly.com (webhook signatures, errors, timeouts). A reschedule arrives as two events in any order:
`invitee.canceled` with `rescheduled` true and `invitee.created` with `old_invitee` set, both in `event.data.payload`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from app.model import Event
from app.sources.base import SignedProvider, TimedOptions
from app.sources.fields import find, first_text, id_at, instant, parse_object, required, text, tuple_or_digest
from app.sources.form_labels import by_meaning
from app.sources.signing import Scheme

if TYPE_CHECKING:
    from pydantic import BaseModel

    from app.model import Delivery, SourceConfig


class Calendly(SignedProvider):
    """Calendly sends no delivery id: event, invitee and time together identify it. Timestamps may be 3 minutes off."""

    name = "calendly"
    Options: type[BaseModel] = TimedOptions
    scheme = Scheme(
        header="calendly-webhook-signature",
        layout="pairs",
        template="{timestamp}.{body}",
        tolerance=timedelta(minutes=3),
    )

    def events(self, delivery: Delivery, config: SourceConfig) -> list[Event]:
        """Return the one event; the company is an answer to one of the booking's questions."""
        body = parse_object(delivery.body)
        kind, payload = required(body, "event"), find(body, "payload")
        labelled = _answers(payload)
        answers = by_meaning(labelled)
        return [
            Event(
                source=config.name,
                type=kind,
                dedupe=tuple_or_digest(kind, id_at(payload, "uri"), id_at(body, "created_at"), body=delivery.body),
                occurred_at=instant(body, "created_at"),
                email=first_text(text(payload, "email"), answers.get("email")),
                first_name=first_text(text(payload, "first_name"), answers.get("first_name")),
                last_name=first_text(text(payload, "last_name"), answers.get("last_name")),
                name=first_text(text(payload, "name"), answers.get("name")),
                company=answers.get("company"),
                data=body,
                # A reschedule cancels one booking and makes another: the person does not leave.
                exit=kind == "invitee.canceled" and find(payload, "rescheduled") is not True,
                answers=dict(labelled),
            ),
        ]


def _answers(payload: Any) -> list[tuple[str, str]]:
    found = find(payload, "questions_and_answers")
    rows = found if isinstance(found, list) else []
    return [(text(row, "question") or "", text(row, "answer") or "") for row in rows]


PROVIDER = Calendly()
