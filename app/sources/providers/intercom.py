"""Intercom: contacts, leads and conversations.

Source: developers.intercom.com (signed notifications). The key is the app's client secret; the digest is SHA-1, as
Intercom specifies it. Many topics have no address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.model import Event
from app.sources.base import SignedProvider
from app.sources.fields import find, first_text, instant, parse_object, required, text
from app.sources.signing import Scheme

if TYPE_CHECKING:
    from app.model import Delivery, SourceConfig

PING = "ping"
EXITS = frozenset({"contact.unsubscribed", "contact.deleted"})


class Intercom(SignedProvider):
    """`id` (notif_...) identifies the event; the topic is its type. A `ping` is a test, not an event."""

    name = "intercom"
    scheme = Scheme(header="x-hub-signature", prefix="sha1=", algorithm="sha1")

    def events(self, delivery: Delivery, config: SourceConfig) -> list[Event]:
        """Return the one event, none for a ping; the person is the item, or the item's contact."""
        body = parse_object(delivery.body)
        kind = required(body, "topic")
        if kind == PING:
            return []
        item = find(body, "data", "item")
        return [
            Event(
                source=config.name,
                type=kind,
                dedupe=(required(body, "id"),),
                id=required(body, "id"),
                occurred_at=instant(body, "created_at"),
                email=first_text(text(item, "email"), text(item, "contact", "email")),
                name=first_text(text(item, "name"), text(item, "contact", "name")),
                data=body,
                exit=kind in EXITS,
            ),
        ]


PROVIDER = Intercom()
