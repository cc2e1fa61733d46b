"""Paddle: customers, transactions and subscriptions.

Source: developer.paddle.com/webhooks and paddle-python-sdk. The key is the whole `pdl_ntfset_` secret; Paddle's own
libraries accept a timestamp for 5 seconds, which `tolerance` widens where clocks or networks are slower.
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


class Paddle(SignedProvider):
    """`event_id` identifies the event; `notification_id` only one delivery of it."""

    name = "paddle"
    Options: type[BaseModel] = TimedOptions
    scheme = Scheme(
        header="paddle-signature",
        layout="pairs",
        separator=";",
        timestamp_tag="ts",
        version="h1",
        template="{timestamp}:{body}",
        tolerance=timedelta(seconds=5),
    )

    def events(self, delivery: Delivery, config: SourceConfig) -> list[Event]:
        """Return the one event; other objects than customers name a customer by id, without an address."""
        body = parse_object(delivery.body)
        subject = find(body, "data")
        return [
            Event(
                source=config.name,
                type=required(body, "event_type"),
                dedupe=(required(body, "event_id"),),
                id=required(body, "event_id"),
                occurred_at=instant(body, "occurred_at"),
                email=first_text(text(subject, "email"), text(subject, "customer", "email")),
                name=first_text(text(subject, "name"), text(subject, "customer", "name")),
                company=text(subject, "business", "name"),
                data=body,
                exit=find(body, "event_type") == "subscription.canceled",
            ),
        ]


PROVIDER = Paddle()
