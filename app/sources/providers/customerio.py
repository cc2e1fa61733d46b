"""Customer.io: events of messages and of people.

Source: docs.customer.io (reporting webhooks). No tolerance for the timestamp is documented: the default is 5 minutes
both ways, and `tolerance` changes it. Deliveries are serial: one that fails delays all later ones.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from app.model import Event
from app.sources.base import SignedProvider, TimedOptions
from app.sources.fields import find, first_text, instant, parse_object, required, text
from app.sources.signing import Scheme

if TYPE_CHECKING:
    from pydantic import BaseModel

    from app.model import Delivery, SourceConfig

EXITS = frozenset({"unsubscribed"})


class CustomerIo(SignedProvider):
    """`event_id` identifies the event; its type is the object's and the metric's name: `customer.subscribed`."""

    name = "customerio"
    Options: type[BaseModel] = TimedOptions
    scheme = Scheme(
        header="x-cio-signature",
        template="v0:{timestamp}:{body}",
        timestamp_header="x-cio-timestamp",
        tolerance=timedelta(minutes=5),
    )

    def events(self, delivery: Delivery, config: SourceConfig) -> list[Event]:
        """Return the one event."""
        body = parse_object(delivery.body)
        subject = find(body, "data")
        return [
            Event(
                source=config.name,
                type=f"{required(body, 'object_type')}.{required(body, 'metric')}",
                dedupe=(required(body, "event_id"),),
                id=required(body, "event_id"),
                occurred_at=instant(body, "timestamp"),
                email=first_text(text(subject, "identifiers", "email"), text(subject, "email_address")),
                data=body,
                exit=find(body, "metric") in EXITS,
            ),
        ]


PROVIDER = CustomerIo()
