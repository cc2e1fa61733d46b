"""Intercom: contacts, leads and conversations.

Source: developers.intercom.com (signed notifications). The key is the app's client secret; the digest is SHA-1, as
Intercom specifies it. Many topics have no address. In a conversation the person is the author who is a user or a lead:
admins and bots write, too.
"""

from __future__ import annotations

from typing import Any

from app.model import Delivery, Event, SourceConfig
from app.sources.base import SignedProvider
from app.sources.fields import find, first_text, instant, list_at, required, text
from app.sources.person_fields import Person, first_of, person_at
from app.sources.signing import Scheme
from app.sources.strict_json import parse_object

PING = "ping"
EXITS = frozenset({"contact.unsubscribed", "contact.deleted"})
PEOPLE = frozenset({"user", "lead", "contact"})


class Intercom(SignedProvider):
    """`id` (notif_...) identifies the event; the topic is its type. A `ping` is a test, not an event."""

    name = "intercom"
    scheme = Scheme(header="x-hub-signature", prefix="sha1=", algorithm="sha1")

    def events(self, delivery: Delivery, config: SourceConfig) -> list[Event]:
        """Return the one event, none for a ping; the person is the item, the item's contact, or who wrote."""
        body = parse_object(delivery.body)
        kind = required(body, "topic")
        if kind == PING:
            return []
        return [
            Event(
                source=config.name,
                type=kind,
                dedupe=(required(body, "id"),),
                id=required(body, "id"),
                occurred_at=instant(body, "created_at"),
                data=body,
                exit=kind in EXITS,
                **_person(find(body, "data", "item")),
            ),
        ]


def _person(item: Any) -> Person:
    parts = list_at(item, "conversation_parts", "conversation_parts")
    authors = [find(item, "source", "author"), *[find(part, "author") for part in parts]]
    writers = [author for author in authors if text(author, "type") in PEOPLE]
    people = [item, find(item, "contact"), *writers]
    found = first_of(*[person_at(person, "email", "name") for person in people])
    return {**found, "company": first_text(*[_company(person) for person in people])}


def _company(contact: Any) -> str | None:
    """Return the name of the first company that has one; newer versions of the API send ids only."""
    listed = list_at(contact, "companies", "companies") + list_at(contact, "companies", "data")
    return first_text(*[text(company, "name") for company in listed])


PROVIDER = Intercom()
