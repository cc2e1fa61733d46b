"""PostHog: product events of a webhook destination.

Source: PostHog's repository (cdp/templates/_destinations/webhook and cdp/types). Nothing is signed: the secret is in a
header that the user adds to the destination. The body is a template; this provider reads the default one, `{event,
person}`, and a `json` source reads others. An event without a profile ("personless") has no person; what its sender set
of the person is in `$set` and `$set_once` among its properties.
"""

from __future__ import annotations

from typing import Any

from app.model import Delivery, Event, SourceConfig
from app.sources.base import ANY_METHOD, CredentialProvider
from app.sources.credentials import Credential
from app.sources.fields import find, instant, query_of, required, text
from app.sources.forms import urlencoded
from app.sources.options import HeaderOptions
from app.sources.person_fields import first_of, person_in, with_address
from app.sources.strict_json import parse_object


class PostHog(CredentialProvider):
    """`event.uuid` identifies the event; its type is the event's name."""

    name = "posthog"
    Options = HeaderOptions
    methods = ANY_METHOD
    credential = Credential("header", "x-webhook-secret")

    def parsed(self, delivery: Delivery) -> dict[str, Any]:
        """Return the body; a destination set to GET or DELETE has only the query of its URL."""
        if delivery.body or delivery.method not in {"GET", "DELETE"}:
            return parse_object(delivery.body)
        return urlencoded(query_of(delivery.url).encode())

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event; the distinct id may be an address where the person has none."""
        places = [("person", "properties"), ("event", "properties", "$set"), ("event", "properties", "$set_once")]
        person = first_of(*[person_in(find(body, *place)) for place in places])
        return Event(
            source=config.name,
            type=required(body, "event", "event"),
            dedupe=(required(body, "event", "uuid"),),
            id=required(body, "event", "uuid"),
            occurred_at=instant(body, "event", "timestamp"),
            data=body,
            **with_address(person, text(body, "event", "distinct_id")),
        )


PROVIDER = PostHog()
