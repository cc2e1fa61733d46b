"""Eventbrite: orders and attendees.

Source: eventbrite.com/platform/docs (webhooks; orders; attendees). Nothing is signed: the secret is the last part of
the webhook's URL. An event only names an object: with an `api_token` the object is fetched, from Eventbrite's own host
and by the numbers in the delivery, never from the address that the delivery gives.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from app.errors import Unreadable
from app.model import Event
from app.sources.base import CredentialProvider, Lookup
from app.sources.credentials import Credential
from app.sources.fields import find, first_text, instant, parse_object, required, text

if TYPE_CHECKING:
    from app.model import Delivery, SourceConfig

HOST = "www.eventbriteapi.com"
PATH = re.compile(r"/v3/(orders/[0-9]{1,20}|events/[0-9]{1,20}/(attendees|orders)/[0-9]{1,20})/?")


class EventbriteOptions(BaseModel):
    """Keys of an Eventbrite source."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_token: SecretStr | None = Field(
        default=None, description="A private token of the account: without it no event has an address."
    )


class Eventbrite(CredentialProvider):
    """A delivery has no id: object and action together identify the event."""

    name = "eventbrite"
    hosts = frozenset({HOST})
    Options: type[BaseModel] = EventbriteOptions
    credential = Credential("url")

    def events(self, delivery: Delivery, config: SourceConfig) -> list[Event]:
        """Return the one event, thin where its object can be fetched."""
        body = parse_object(delivery.body)
        action = required(body, "config", "action")
        event = Event(
            source=config.name,
            type=action,
            dedupe=(required(body, "api_url"), action),
            data=body,
            exit=action == "order.refunded",
        )
        return [replace(event, thin=self.lookup(event, config) is not None)]

    def lookup(self, event: Event, config: SourceConfig) -> Lookup | None:
        """Return the object's path; an address of another host or of anything but orders and attendees has none."""
        options = config.options
        if not isinstance(options, EventbriteOptions) or options.api_token is None:
            return None
        path = _path(text(event.data, "api_url") or "")
        headers = {"authorization": f"Bearer {options.api_token.get_secret_value()}"}
        return Lookup(HOST, f"/v3/{path[1]}/", headers) if path else None

    def enriched(self, event: Event, found: Any) -> Event:
        """Return the event with the object under `event.data.object`; an attendee's person is its profile."""
        if not isinstance(found, dict):
            raise Unreadable("malformed_body", "the object is not a JSON object")
        profile = find(found, "profile")
        return replace(
            event,
            occurred_at=instant(found, "changed") or instant(found, "created"),
            email=first_text(text(profile, "email"), text(found, "email")),
            first_name=first_text(text(profile, "first_name"), text(found, "first_name")),
            last_name=first_text(text(profile, "last_name"), text(found, "last_name")),
            name=first_text(text(profile, "name"), text(found, "name")),
            company=text(profile, "company"),
            data={**event.data, "object": found},
            exit=event.exit or find(found, "cancelled") is True or find(found, "refunded") is True,
        )


def _path(api_url: str) -> re.Match[str] | None:
    try:
        parts = urlsplit(api_url)
    except ValueError:  # not a URL, so there is nothing to fetch
        return None
    return PATH.fullmatch(parts.path) if (parts.scheme, parts.netloc) == ("https", HOST) else None


PROVIDER = Eventbrite()
