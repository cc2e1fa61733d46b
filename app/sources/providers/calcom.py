"""Cal.com: bookings, reschedules and cancellations.

Source: cal.com/docs/developing/guides/automation/webhooks and the product's source (packages/features/webhooks). A
webhook without a secret sends the word `no-secret-provided` instead of a signature. Custom payload templates may omit
any field; keep the default template.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.model import Event
from app.sources.base import SignedProvider
from app.sources.fields import find, first_text, id_at, instant, parse_object, required, text, tuple_or_digest
from app.sources.form_labels import by_meaning
from app.sources.signing import Scheme

if TYPE_CHECKING:
    from app.model import Delivery, SourceConfig

EXITS = frozenset({"BOOKING_CANCELLED", "BOOKING_REJECTED"})


class Calcom(SignedProvider):
    """Cal.com sends no delivery id: trigger, booking and time together identify the event."""

    name = "calcom"
    scheme = Scheme(header="x-cal-signature-256")

    def events(self, delivery: Delivery, config: SourceConfig) -> list[Event]:
        """Return the one event; the person is the first attendee: the one that made the booking."""
        body = parse_object(delivery.body)
        kind, payload = required(body, "triggerEvent"), find(body, "payload")
        labelled = _answers(payload)
        answers = by_meaning(labelled)
        return [
            Event(
                source=config.name,
                type=kind,
                dedupe=tuple_or_digest(kind, id_at(payload, "uid"), id_at(body, "createdAt"), body=delivery.body),
                occurred_at=instant(body, "createdAt"),
                email=first_text(text(payload, "attendees", 0, "email"), answers.get("email")),
                first_name=answers.get("first_name"),
                last_name=answers.get("last_name"),
                name=first_text(text(payload, "attendees", 0, "name"), answers.get("name")),
                company=answers.get("company"),
                data=body,
                exit=kind in EXITS,
                answers=dict(labelled),
            ),
        ]


def _answers(payload: Any) -> list[tuple[str, str]]:
    """Return the answers by the question's key: labels are translated, keys are not."""
    found = find(payload, "responses")
    rows = found if isinstance(found, dict) else {}
    return [(key, text(row, "value") or "") for key, row in rows.items()]


PROVIDER = Calcom()
