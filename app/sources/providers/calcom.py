"""Cal.com: bookings, reschedules and cancellations.

Source: cal.com/docs/developing/guides/automation/webhooks and the product's source (packages/features/webhooks). A
webhook without a secret sends the word `no-secret-provided` instead of a signature. Custom payload templates may omit
any field; keep the default template.
"""

from __future__ import annotations

from typing import Any

from app.model import Delivery, Event, SourceConfig
from app.sources.base import SignedProvider
from app.sources.fields import find, id_at, instant, required, text, tuple_or_digest
from app.sources.person_fields import first_of, person_at, person_by_label
from app.sources.signing import Scheme

EXITS = frozenset({"BOOKING_CANCELLED", "BOOKING_REJECTED"})


class Calcom(SignedProvider):
    """Cal.com sends no delivery id: trigger, booking and time together identify the event."""

    name = "calcom"
    scheme = Scheme(header="x-cal-signature-256")

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event; the person is the first attendee: the one that made the booking."""
        kind, payload = required(body, "triggerEvent"), find(body, "payload")
        answers = _answers(payload)
        return Event(
            source=config.name,
            type=kind,
            dedupe=tuple_or_digest(kind, id_at(payload, "uid"), id_at(body, "createdAt"), body=delivery.body),
            occurred_at=instant(body, "createdAt"),
            data=body,
            exit=kind in EXITS,
            answers=answers,
            **first_of(person_at(find(payload, "attendees", 0), "email", "name"), person_by_label(answers.items())),
        )


def _answers(payload: Any) -> dict[str, str]:
    """Return the answers by the question's key: labels are translated, keys are not."""
    found = find(payload, "responses")
    return {key: text(row, "value") or "" for key, row in found.items()} if isinstance(found, dict) else {}


PROVIDER = Calcom()
