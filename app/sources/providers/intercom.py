"""Intercom: contacts, leads and conversations.

Source: developers.intercom.com (signed notifications). The key is the app's client secret; the digest is SHA-1, as
Intercom specifies it. Many topics have no address. In a conversation the person is the author who is a user or a lead:
admins and bots write, too.

Conversations and tags name a contact by id. developers.intercom.com (contacts, 2.11): GET /contacts/{id} with a bearer
token, at the host of the workspace's region; the rate limit is 10,000 requests a minute, in windows of 10 seconds.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, SecretStr

from app.model import Delivery, Event, SourceConfig
from app.sources.base import SignedProvider
from app.sources.fields import find, first_text, id_at, instant, list_at, required, text
from app.sources.options import TokenOptions, options_of
from app.sources.person_fields import Person, first_of, person_at
from app.sources.person_lookup import PersonLookup, PersonProvider, bearer, with_id
from app.sources.signing import Scheme
from app.sources.strict_json import parse_object

if TYPE_CHECKING:
    from collections.abc import Mapping

PING = "ping"
EXITS = frozenset({"contact.unsubscribed", "contact.deleted"})
PEOPLE = frozenset({"user", "lead", "contact"})
API_VERSION = "2.11"


class IntercomOptions(TokenOptions):
    """Keys of an Intercom source."""

    api_token: SecretStr | None = Field(
        default=None,
        description="An access token that may read one user and one company: it finds the address of a contact's id.",
    )
    api_host: Literal["api.intercom.io", "api.eu.intercom.io", "api.au.intercom.io"] = Field(
        default="api.intercom.io", description="The host of the workspace's region."
    )


def _person(item: Any) -> Person:
    people = [item, find(item, "contact"), *_writers(item)]
    found = first_of(*[person_at(person, "email", "name") for person in people])
    return {**found, "company": first_text(*[_company(person) for person in people])}


def _writers(item: Any) -> list[Any]:
    """Return the authors of a conversation and of its replies who are users or leads."""
    parts = list_at(item, "conversation_parts", "conversation_parts")
    authors = [find(item, "source", "author"), *[find(part, "author") for part in parts]]
    return [author for author in authors if text(author, "type") in PEOPLE]


def _company(contact: Any) -> str | None:
    """Return the name of the first company that has one; newer versions of the API send ids only."""
    listed = list_at(contact, "companies", "companies") + list_at(contact, "companies", "data")
    return first_text(*[text(company, "name") for company in listed])


def _contact_path(data: Mapping[str, Any]) -> str | None:
    """Return the path of the conversation's, or the item's, contact; an item that is a contact is whole as it is."""
    item = find(data, "data", "item")
    people = [one for one in (find(item, "contact"), find(item, "user")) if text(one, "type") in PEOPLE]
    named = [id_at(one, "id") for one in [*people, *_writers(item)]]
    return with_id("/contacts/{}", first_text(id_at(item, "contacts", "contacts", 0, "id"), *named))


class Intercom(PersonProvider, SignedProvider):
    """`id` (notif_...) identifies the event; the topic is its type. A `ping` is a test, not an event."""

    name = "intercom"
    Options = IntercomOptions
    hosts = frozenset({"api.intercom.io", "api.eu.intercom.io", "api.au.intercom.io"})
    lookup_subject = "contact"
    thin_types = re.compile(r"conversation\..*")
    person = PersonLookup(
        path=_contact_path,
        headers=lambda token: bearer(token) | {"intercom-version": API_VERSION},
        read=_person,
        per_minute=5000,
    )
    scheme = Scheme(header="x-hub-signature", prefix="sha1=", algorithm="sha1")

    def lookup_host(self, config: SourceConfig) -> str:
        """Return the host of the workspace's region."""
        return options_of(config, IntercomOptions).api_host

    def events(self, delivery: Delivery, config: SourceConfig) -> list[Event]:
        """Return the one event, none for a ping; the person is the item, the item's contact, or who wrote."""
        body = parse_object(delivery.body)
        kind = required(body, "topic")
        if kind == PING:
            return []
        event = Event(
            source=config.name,
            type=kind,
            dedupe=(required(body, "id"),),
            id=required(body, "id"),
            occurred_at=instant(body, "created_at"),
            data=body,
            exit=kind in EXITS,
            **_person(find(body, "data", "item")),
        )
        return [self.awaiting_lookup(event, config)]


PROVIDER = Intercom()
