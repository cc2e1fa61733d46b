"""RudderStack: product analytics events.

Source: rudder-transformer (v0/destinations/webhook) and RudderStack's HTTP webhook page. Nothing is signed: the secret
is in a header that the user adds to the destination. With GET and DELETE the query holds the traits or properties,
without a message id and a type.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from app.model import Delivery, Event, SourceConfig
from app.sources.base import ANY_METHOD, CredentialProvider
from app.sources.credentials import Credential
from app.sources.fields import body_digest, find, first_text, id_at, instant, query_of, required, window_of
from app.sources.forms import urlencoded
from app.sources.options import HeaderOptions
from app.sources.person_fields import Person, first_of, person_at, person_in
from app.sources.strict_json import parse_object


class RudderStack(CredentialProvider):
    """`messageId` (older SDKs: `message_id`) identifies the event."""

    name = "rudderstack"
    Options = HeaderOptions
    methods = ANY_METHOD
    credential = Credential("header", "x-webhook-token")

    def events(self, delivery: Delivery, config: SourceConfig) -> list[Event]:
        """Return the one event; with GET or DELETE its type is `query`; query and hour identify it."""
        if delivery.method in {"GET", "DELETE"} and not delivery.body:
            return [_from_query(delivery, config)]
        body = parse_object(delivery.body)
        identifier = first_text(id_at(body, "messageId"), id_at(body, "message_id"))
        return [
            Event(
                source=config.name,
                type=required(body, "type"),
                dedupe=(identifier or body_digest(delivery.body),),
                id=identifier,
                occurred_at=instant(body, "timestamp") or instant(body, "originalTimestamp"),
                data=body,
                **_person(body),
            ),
        ]


def _from_query(delivery: Delivery, config: SourceConfig) -> Event:
    query = query_of(delivery.url)
    fields = urlencoded(query.encode())
    return Event(
        source=config.name,
        type="query",
        dedupe=("query", body_digest(query.encode()), window_of(delivery.received_at, timedelta(hours=1))),
        data=fields,
        **person_in(fields),
    )


def _person(body: dict[str, Any]) -> Person:
    """Return the person from the event's own traits, else those of its context, else its properties."""
    own, context = person_in(find(body, "traits")), person_in(find(body, "context", "traits"))
    return first_of(own, context, person_at(find(body, "properties"), "email"))


PROVIDER = RudderStack()
