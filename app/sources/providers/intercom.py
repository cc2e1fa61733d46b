"""Intercom: contacts, leads and conversations.

Source: developers.intercom.com (signed notifications). The key is the app's client secret; the digest is SHA-1, as
Intercom specifies it. Many topics have no address.
"""

from __future__ import annotations

from app.model import Delivery, Event, SourceConfig
from app.sources.base import SignedProvider
from app.sources.fields import find, instant, required
from app.sources.person_fields import first_of, person_at
from app.sources.signing import Scheme
from app.sources.strict_json import parse_object

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
                data=body,
                exit=kind in EXITS,
                **first_of(person_at(item, "email", "name"), person_at(find(item, "contact"), "email", "name")),
            ),
        ]


PROVIDER = Intercom()
