"""Tally: form responses.

Source: tally.so/help/webhooks (signature, payload). A form has no fixed person fields: the address is the first answer
of type `INPUT_EMAIL`, else of a question that asks for it; names and company are found by the question's wording.
"""

from __future__ import annotations

from typing import Any

from app.model import Delivery, Event, SourceConfig
from app.sources.base import SignedProvider
from app.sources.fields import find, instant, list_at, required, text
from app.sources.person_fields import first_of, person_at, person_by_label
from app.sources.signing import Scheme


class Tally(SignedProvider):
    """`eventId` identifies the event; it stays the same on retries."""

    name = "tally"
    scheme = Scheme(header="tally-signature", encoding="base64")

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event.

        Beside the payload, `data` holds each answer by its question's label, so that a rule can say
        `event.data["How many employees?"]`; the payload's own keys win.
        """
        fields = list_at(body, "data", "fields")
        texts = [(text(field, "label") or "", text(field, "value") or "") for field in fields]
        addresses = [field for field in fields if text(field, "type") == "INPUT_EMAIL"]
        return Event(
            source=config.name,
            type=required(body, "eventType"),
            dedupe=(required(body, "eventId"),),
            id=required(body, "eventId"),
            occurred_at=instant(body, "createdAt"),
            data={label: find(field, "value") for field in fields if (label := text(field, "label"))} | body,
            answers={label: value for label, value in texts if label and value},
            **first_of(*[person_at(field, email="value") for field in addresses], person_by_label(texts)),
        )


PROVIDER = Tally()
