"""Chargebee: customers, subscriptions and payments.

Source: apidocs.chargebee.com/docs/api/events. Chargebee supports Basic only. It retries for more than three days, and
out of order: `event.data.content.*.resource_version` shows which event is newer.
"""

from __future__ import annotations

from typing import Any

from app.model import Delivery, Event, SourceConfig
from app.sources.base import CredentialProvider
from app.sources.credentials import Credential
from app.sources.fields import find, instant, required
from app.sources.person_fields import person_at

EXITS = frozenset({"subscription_cancelled", "customer_deleted"})


class Chargebee(CredentialProvider):
    """`id` (ev_...) identifies the event."""

    name = "chargebee"
    credential = Credential("basic")

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event; the person is the customer in its content."""
        kind = required(body, "event_type")
        return Event(
            source=config.name,
            type=kind,
            dedupe=(required(body, "id"),),
            id=required(body, "id"),
            occurred_at=instant(body, "occurred_at"),
            data=body,
            exit=kind in EXITS,
            **person_at(find(body, "content", "customer"), "email", "first_name", "last_name", "company"),
        )


PROVIDER = Chargebee()
