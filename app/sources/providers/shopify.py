"""Shopify: customers, orders and checkouts.

Source: shopify.dev/docs/apps/build/webhooks and shopify-app-js. The key is the app's client secret. The signature
covers the body only: topic, shop and ids are in headers that are not authenticated, so give each shop a source of its
own. Numbers exceed 2^53 and keep all their digits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.model import Delivery, Event, SourceConfig
from app.sources.base import SignedProvider
from app.sources.fields import as_instant, body_digest, find, first_text, instant, storable, text
from app.sources.person_fields import own_address
from app.sources.signing import Scheme

if TYPE_CHECKING:
    from datetime import datetime

# The time in the body that a topic is about, where the header with the time is missing; else `updated_at`.
TIMES = {"create": "created_at", "cancelled": "cancelled_at", "paid": "processed_at"}
EXITS = frozenset({"customers/delete", "customers/redact"})


class Shopify(SignedProvider):
    """`X-Shopify-Event-Id` identifies the event, else the delivery's id in `X-Shopify-Webhook-Id`."""

    name = "shopify"
    scheme = Scheme(header="x-shopify-hmac-sha256", encoding="base64")

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event; the person is the customer, or the person that the order or checkout names."""
        identifier = first_text(_header(delivery, "event-id"), _header(delivery, "webhook-id"))
        person: Any = body if find(body, "customer") is None else find(body, "customer")
        return Event(
            source=config.name,
            type=_header(delivery, "topic") or "",
            dedupe=(identifier or body_digest(delivery.body),),
            id=identifier,
            occurred_at=as_instant(_header(delivery, "triggered-at")) or _time(body, _header(delivery, "topic") or ""),
            email=own_address(text(body, "email"), text(person, "email"), text(body, "contact_email")),
            first_name=text(person, "first_name"),
            last_name=text(person, "last_name"),
            company=first_text(text(person, "default_address", "company"), text(body, "billing_address", "company")),
            data=body,
            exit=_header(delivery, "topic") in EXITS,
        )


def _time(body: dict[str, Any], topic: str) -> datetime | None:
    key = TIMES.get(topic.rpartition("/")[2], "updated_at")
    return instant(body, key) or instant(body, "updated_at") or instant(body, "created_at")


def _header(delivery: Delivery, name: str) -> str | None:
    return storable(delivery.headers.get(f"x-shopify-{name}", "").strip()) or None


PROVIDER = Shopify()
