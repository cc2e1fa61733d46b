"""Cal.com: bookings, reschedules and cancellations.

Source: cal.com/docs/developing/guides/automation/webhooks and the product's source (packages/features/webhooks). A
webhook without a secret sends the word `no-secret-provided` instead of a signature. Custom payload templates may omit
any field; keep the default template. `MEETING_STARTED` and `MEETING_ENDED` have the booking at the top of the body.
"""

from __future__ import annotations

from typing import Any

from app.model import Delivery, Event, SourceConfig
from app.sources.answers import Answer, by_question, choice_ids
from app.sources.base import SignedProvider
from app.sources.fields import find, first_text, id_at, instant, required, text, tuple_or_digest
from app.sources.person_fields import first_of, person_at, person_by_label
from app.sources.signing import Scheme

# Of a flat event `createdAt` is the time of the booking.
FLAT_TIMES = {"MEETING_STARTED": "startTime", "MEETING_ENDED": "endTime"}
EXITS = frozenset({"BOOKING_CANCELLED", "BOOKING_REJECTED"})


class Calcom(SignedProvider):
    """Cal.com sends no delivery id: trigger, booking and time together identify the event."""

    name = "calcom"
    scheme = Scheme(header="x-cal-signature-256")

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event; the person is the first attendee: the one that made the booking."""
        kind, flat = required(body, "triggerEvent"), find(body, "payload") is None
        booking = body if flat else find(body, "payload")
        responses = found if isinstance(found := find(booking, "responses"), dict) else {}
        answers = _answers(responses)
        return Event(
            source=config.name,
            type=kind,
            dedupe=tuple_or_digest(kind, id_at(booking, "uid"), id_at(body, "createdAt"), body=delivery.body),
            occurred_at=instant(body, FLAT_TIMES.get(kind, "createdAt") if flat else "createdAt"),
            data=choice_ids((key, _ids(row)) for key, row in responses.items()) | body,
            exit=kind in EXITS,
            answers=answers,
            **first_of(
                person_at(find(booking, "attendees", 0), "email", "name"),
                person_at(_value(responses.get("name")), first_name="firstName", last_name="lastName"),
                person_by_label(answers.items()),
            ),
        )


def _answers(responses: dict[str, Any]) -> dict[str, Answer]:
    """Return the answers by the question's label and by its key: Cal.com translates labels, and keys stay."""
    return by_question((text(row, "label"), key, _texts(_value(row))) for key, row in responses.items())


def _value(row: Any) -> Any:
    """Return the answer of a response, which is bare in some events.

    A routing form has it in `response`, and one chosen option in a list, whether or not several may be chosen.
    """
    if not isinstance(row, dict):
        return row
    response = find(row, "response")
    if isinstance(response, list) and len(response) == 1:
        return response[0]
    return find(row, "value") if response is None else response


def _texts(value: Any) -> Any:
    """Return the texts of a value; an option is {label, id}, and one that asks for more is {value, optionValue}."""
    if isinstance(value, list):
        return [_texts(each) for each in value]
    if not isinstance(value, dict):
        return value
    name = " ".join(part for key in ("firstName", "lastName") if (part := text(value, key)))
    return first_text(text(value, "label"), text(value, "optionValue"), text(value, "value"), name or None)


def _ids(row: Any) -> Any:
    """Return the ids of the chosen options of a routing form's response."""
    response = find(row, "response")
    if isinstance(response, list):
        return [ref for each in response if (ref := text(each, "id"))]
    return text(response, "id")


PROVIDER = Calcom()
