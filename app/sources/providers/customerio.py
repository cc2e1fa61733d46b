"""Customer.io: events of messages and of people.

Source: docs.customer.io (reporting webhooks). No tolerance for the timestamp is documented: the default is 5 minutes
both ways, and `tolerance` changes it. Deliveries are serial: one that fails delays all later ones.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from app.model import Delivery, Event, SourceConfig
from app.sources.base import SignedProvider
from app.sources.fields import find, first_text, instant, required, text
from app.sources.options import TimedOptions
from app.sources.signing import Scheme

EXITS = frozenset({"unsubscribed"})


class CustomerIo(SignedProvider):
    """`event_id` identifies the event; its type is the object's and the metric's name: `customer.subscribed`."""

    name = "customerio"
    Options = TimedOptions
    scheme = Scheme(
        header="x-cio-signature",
        template="v0:{timestamp}:{body}",
        timestamp_header="x-cio-timestamp",
        tolerance=timedelta(minutes=5),
    )

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event."""
        subject = find(body, "data")
        return Event(
            source=config.name,
            type=f"{required(body, 'object_type')}.{required(body, 'metric')}",
            dedupe=(required(body, "event_id"),),
            id=required(body, "event_id"),
            occurred_at=instant(body, "timestamp"),
            email=first_text(text(subject, "identifiers", "email"), text(subject, "email_address")),
            data=body,
            exit=find(body, "metric") in EXITS,
        )


PROVIDER = CustomerIo()
