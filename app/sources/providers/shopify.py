"""Shopify: customers, orders and checkouts.

Source: shopify.dev/docs/apps/build/webhooks and shopify-app-js. The key is the app's client secret. The signature
covers the body only: topic, shop and ids are in headers that are not authenticated, so give each shop a source of its
own. Newer deliveries name their headers without `X-` (Shopify's PHP library reads both names). Numbers exceed 2^53 and
keep all their digits.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from app.errors import Unreadable
from app.model import Delivery, Event, Secret, SourceConfig
from app.sources.base import SignedProvider
from app.sources.fields import as_instant, body_digest, find, first_text, instant, storable, text
from app.sources.person_fields import own_address
from app.sources.signing import Scheme

if TYPE_CHECKING:
    from datetime import datetime

# The time in the body that a topic is about, where the header with the time is missing; else `updated_at`.
TIMES = {"create": "created_at", "cancelled": "cancelled_at", "paid": "processed_at"}
EXITS = frozenset({"customers/delete", "customers/redact"})
# The fields that a request to redact a customer has (Shopify's page on privacy compliance), and no other topic.
REDACTION = frozenset({"shop_domain", "orders_to_redact"})


class Shopify(SignedProvider):
    """Body and topic identify the event: no header is signed, and one action may send its body as several topics."""

    name = "shopify"
    header_prefixes = ("x-shopify-", "shopify-")
    scheme = Scheme(header="x-shopify-hmac-sha256", encoding="base64")

    def verify(self, delivery: Delivery, config: SourceConfig, now: datetime) -> Secret | None:
        """Raise Unauthenticated unless a secret signed the body; the signature's header may lack its `X-`."""
        signature = delivery.headers.get("shopify-hmac-sha256")
        if signature is not None and self.scheme.header not in delivery.headers:
            delivery = replace(delivery, headers={**delivery.headers, self.scheme.header: signature})
        return super().verify(delivery, config, now)

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event; the person is the customer, or the person that the order or checkout names."""
        topic = _topic(body, delivery)
        identifier = first_text(_header(delivery, "event-id"), _header(delivery, "webhook-id"))
        person: Any = body if find(body, "customer") is None else find(body, "customer")
        return Event(
            source=config.name,
            type=topic,
            dedupe=(body_digest(delivery.body), topic),
            id=identifier,
            occurred_at=as_instant(_header(delivery, "triggered-at")) or _time(body, topic),
            email=own_address(text(body, "email"), text(person, "email"), text(body, "contact_email")),
            first_name=text(person, "first_name"),
            last_name=text(person, "last_name"),
            company=first_text(text(person, "default_address", "company"), text(body, "billing_address", "company")),
            data=body,
            exit=topic in EXITS,
        )


def _time(body: dict[str, Any], topic: str) -> datetime | None:
    key = TIMES.get(topic.rpartition("/")[2], "updated_at")
    return instant(body, key) or instant(body, "updated_at") or instant(body, "created_at")


def _header(delivery: Delivery, name: str) -> str | None:
    value = delivery.headers.get(f"x-shopify-{name}") or delivery.headers.get(f"shopify-{name}", "")
    return storable(value.strip()) or None


def _topic(body: dict[str, Any], delivery: Delivery) -> str:
    """Return the topic. Raises Unreadable where it ends what the person is in, and the signed body contradicts it."""
    topic = _header(delivery, "topic") or ""
    if topic == "customers/redact" and not body.keys() >= REDACTION:
        raise Unreadable("topic_mismatch", "the topic is customers/redact, and the body is none: the topic is unsigned")
    return topic


PROVIDER = Shopify()
