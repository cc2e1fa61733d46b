"""Chargebee: customers, subscriptions and payments.

Source: apidocs.chargebee.com/docs/api/events. Chargebee supports Basic only. It retries for more than three days, and
out of order: `event.data.content.*.resource_version` shows which event is newer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.model import Event
from app.sources.base import CredentialProvider
from app.sources.credentials import Credential
from app.sources.fields import find, instant, parse_object, required, text

if TYPE_CHECKING:
    from app.model import Delivery, SourceConfig

EXITS = frozenset({"subscription_cancelled", "customer_deleted"})


class Chargebee(CredentialProvider):
    """`id` (ev_...) identifies the event."""

    name = "chargebee"
    credential = Credential("basic")

    def events(self, delivery: Delivery, config: SourceConfig) -> list[Event]:
        """Return the one event; the person is the customer in its content."""
        body = parse_object(delivery.body)
        customer = find(body, "content", "customer")
        kind = required(body, "event_type")
        return [
            Event(
                source=config.name,
                type=kind,
                dedupe=(required(body, "id"),),
                id=required(body, "id"),
                occurred_at=instant(body, "occurred_at"),
                email=text(customer, "email"),
                first_name=text(customer, "first_name"),
                last_name=text(customer, "last_name"),
                company=text(customer, "company"),
                data=body,
                exit=kind in EXITS,
            ),
        ]


PROVIDER = Chargebee()
