"""Calendly: bookings, cancellations and no-shows.

Source: developer.calendly.com (webhook signatures, errors, timeouts). A reschedule arrives as two events in any order:
`invitee.canceled` with `rescheduled` true and `invitee.created` with `old_invitee` set, both in `event.data.payload`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from app.model import Delivery, Event, SourceConfig
from app.sources.answers import Answer, by_question
from app.sources.base import SignedProvider
from app.sources.fields import find, id_at, instant, list_at, required, text, tuple_or_digest
from app.sources.options import TimedOptions
from app.sources.person_fields import first_of, person_at, person_by_label
from app.sources.signing import Scheme


class Calendly(SignedProvider):
    """Calendly sends no delivery id: event, invitee and time together identify it. Timestamps may be 3 minutes off."""

    name = "calendly"
    Options = TimedOptions
    scheme = Scheme(
        header="calendly-webhook-signature",
        layout="pairs",
        template="{timestamp}.{body}",
        tolerance=timedelta(minutes=3),
    )

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event; the company is an answer to one of the booking's questions."""
        kind, payload = required(body, "event"), find(body, "payload")
        answers = _answers(payload)
        return Event(
            source=config.name,
            type=kind,
            dedupe=tuple_or_digest(kind, id_at(payload, "uri"), id_at(body, "created_at"), body=delivery.body),
            occurred_at=instant(body, "created_at"),
            data=body,
            # A reschedule cancels one booking and makes another: the person does not leave.
            exit=kind == "invitee.canceled" and find(payload, "rescheduled") is not True,
            answers=answers,
            **first_of(
                person_at(payload, "email", "first_name", "last_name", "name"), person_by_label(answers.items())
            ),
        )


def _answers(payload: Any) -> dict[str, Answer]:
    """Return the answers of a booking, or of a routing form, whose questions have ids too."""
    rows = list_at(payload, "questions_and_answers")
    return by_question((text(row, "question"), text(row, "question_uuid"), find(row, "answer")) for row in rows)


PROVIDER = Calendly()
