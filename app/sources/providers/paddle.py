"""Paddle: customers, transactions and subscriptions.

Source: developer.paddle.com/webhooks and paddle-python-sdk. The key is the whole `pdl_ntfset_` secret; Paddle's own
libraries accept a timestamp for 5 seconds, which `tolerance` widens where clocks or networks are slower.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from app.model import Delivery, Event, SourceConfig
from app.sources.base import SignedProvider
from app.sources.fields import find, instant, required
from app.sources.options import TimedOptions
from app.sources.person_fields import first_of, person_at
from app.sources.signing import Scheme


class Paddle(SignedProvider):
    """`event_id` identifies the event; `notification_id` only one delivery of it."""

    name = "paddle"
    Options = TimedOptions
    scheme = Scheme(
        header="paddle-signature",
        layout="pairs",
        separator=";",
        timestamp_tag="ts",
        version="h1",
        template="{timestamp}:{body}",
        tolerance=timedelta(seconds=5),
    )

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event; other objects than customers name a customer by id, without an address."""
        subject = find(body, "data")
        return Event(
            source=config.name,
            type=required(body, "event_type"),
            dedupe=(required(body, "event_id"),),
            id=required(body, "event_id"),
            occurred_at=instant(body, "occurred_at"),
            data=body,
            exit=find(body, "event_type") == "subscription.canceled",
            **first_of(
                person_at(subject, "email", "name", company="business.name"),
                person_at(subject, email="customer.email", name="customer.name"),
            ),
        )


PROVIDER = Paddle()
