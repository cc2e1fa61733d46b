"""Tally: form responses.

Source: tally.so/help/webhooks (signature, payload). A form has no fixed person fields: the address is the first answer
of type `INPUT_EMAIL`, else of a question that asks for it; names and company are found by the question's wording.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.model import Event
from app.sources.base import SignedProvider
from app.sources.fields import find, first_text, instant, parse_object, required, text
from app.sources.form_labels import by_meaning
from app.sources.signing import Scheme

if TYPE_CHECKING:
    from app.model import Delivery, SourceConfig


class Tally(SignedProvider):
    """`eventId` identifies the event; it stays the same on retries."""

    name = "tally"
    scheme = Scheme(header="tally-signature", encoding="base64")

    def events(self, delivery: Delivery, config: SourceConfig) -> list[Event]:
        """Return the one event.

        Beside the payload, `data` holds each answer by its question's label, so that a rule can say
        `event.data["How many employees?"]`; the payload's own keys win.
        """
        body = parse_object(delivery.body)
        fields = _fields(body)
        person = by_meaning([(text(field, "label") or "", text(field, "value") or "") for field in fields])
        return [
            Event(
                source=config.name,
                type=required(body, "eventType"),
                dedupe=(required(body, "eventId"),),
                id=required(body, "eventId"),
                occurred_at=instant(body, "createdAt"),
                email=first_text(_address(fields), person.get("email")),
                first_name=person.get("first_name"),
                last_name=person.get("last_name"),
                name=person.get("name"),
                company=person.get("company"),
                data={label: field.get("value") for field in fields if (label := text(field, "label"))} | body,
                answers={
                    label: value
                    for field in fields
                    if (label := text(field, "label")) and (value := text(field, "value"))
                },
            ),
        ]


def _fields(body: dict[str, Any]) -> list[dict[str, Any]]:
    found = find(body, "data", "fields")
    return [field for field in found if isinstance(field, dict)] if isinstance(found, list) else []


def _address(fields: list[dict[str, Any]]) -> str | None:
    return first_text(*[text(field, "value") for field in fields if text(field, "type") == "INPUT_EMAIL"])


PROVIDER = Tally()
