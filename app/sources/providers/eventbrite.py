"""Eventbrite: orders and attendees.

Source: eventbrite.com/platform/docs (webhooks; orders; attendees). Nothing is signed: the secret is the last part of
the webhook's URL. An event only names an object: with an `api_token` the object is fetched, from Eventbrite's own host
and by the numbers in the delivery, never from the address that the delivery gives.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from app.errors import Unreadable
from app.model import Delivery, Event, SourceConfig
from app.sources.answers import by_question
from app.sources.base import CredentialProvider, Lookup
from app.sources.credentials import Credential
from app.sources.fields import find, id_at, instant, list_at, required, text, window_of
from app.sources.options import TokenOptions, token_of
from app.sources.person_fields import first_of, person_at
from app.sources.person_lookup import bearer

FIELDS = ("email", "first_name", "last_name", "name")
HOST = "www.eventbriteapi.com"
PATH = re.compile(r"/v3/(orders/[0-9]{1,20}|events/[0-9]{1,20}/(attendees|orders)/[0-9]{1,20})/?")


class EventbriteOptions(TokenOptions):
    """Keys of an Eventbrite source."""

    api_token: SecretStr | None = Field(
        default=None, description="A private token of the account: without it no event has an address."
    )


class Eventbrite(CredentialProvider):
    """A delivery has no id and no time: object, action and the hour identify the event, as an object is updated often.

    `X-Eventbrite-Delivery` does not help: in public captures it is the webhook's id. An order is placed once.
    """

    name = "eventbrite"
    hosts = frozenset({HOST})
    thin_types = re.compile(r"(order|attendee)\..*")
    lookup_subject = "order or attendee"
    Options = EventbriteOptions
    credential = Credential("url")

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event."""
        action = required(body, "config", "action")
        return Event(
            source=config.name,
            type=action,
            dedupe=(required(body, "api_url"), action, *_hour(action, delivery)),
            data=body,
            exit=action == "order.refunded",
        )

    def lookup(self, event: Event, config: SourceConfig) -> Lookup | None:
        """Return the object's path; an address of another host or of anything but orders and attendees has none."""
        token, path = token_of(config), _path(text(event.data, "api_url") or "")
        if token is None or path is None:
            return None
        return Lookup(HOST, f"/v3/{path[1]}/", bearer(token))

    def enriched(self, event: Event, found: Any) -> Event:
        """Return the event with the object under `event.data.object`; an attendee's person is its profile."""
        if not isinstance(found, dict):
            raise Unreadable("malformed_body", "the object is not a JSON object")
        rows = list_at(found, "answers")
        return replace(
            event,
            answers=by_question(
                (text(row, "question"), id_at(row, "question_id"), find(row, "answer")) for row in rows
            ),
            occurred_at=instant(found, "changed") or instant(found, "created"),
            data={**event.data, "object": found},
            exit=event.exit or find(found, "cancelled") is True or find(found, "refunded") is True,
            **first_of(person_at(find(found, "profile"), *FIELDS, "company"), person_at(found, *FIELDS)),
        )


def _hour(action: str, delivery: Delivery) -> tuple[str, ...]:
    return () if action == "order.placed" else (window_of(delivery.received_at, timedelta(hours=1)),)


def _path(api_url: str) -> re.Match[str] | None:
    try:
        parts = urlsplit(api_url)
    except ValueError:  # not a URL, so there is nothing to fetch
        return None
    return PATH.fullmatch(parts.path) if (parts.scheme, parts.netloc) == ("https", HOST) else None


PROVIDER = Eventbrite()
