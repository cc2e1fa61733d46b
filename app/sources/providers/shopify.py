"""Shopify: customers, orders and checkouts.

Source: shopify.dev/docs/apps/build/webhooks and shopify-app-js. The key is the app's client secret. The signature
covers the body only: topic, shop and ids are in headers that are not authenticated, so give each shop a source of its
own. Numbers exceed 2^53 and keep all their digits.
"""

from __future__ import annotations

from typing import Any

from app.model import Delivery, Event, SourceConfig
from app.sources.base import SignedProvider
from app.sources.fields import as_instant, body_digest, find, first_text, storable, text
from app.sources.signing import Scheme

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
            occurred_at=as_instant(_header(delivery, "triggered-at")),
            email=first_text(text(body, "email"), text(person, "email"), text(body, "contact_email")),
            first_name=text(person, "first_name"),
            last_name=text(person, "last_name"),
            company=first_text(text(person, "default_address", "company"), text(body, "billing_address", "company")),
            data=body,
            exit=_header(delivery, "topic") in EXITS,
        )


def _header(delivery: Delivery, name: str) -> str | None:
    return storable(delivery.headers.get(f"x-shopify-{name}", "").strip()) or None


PROVIDER = Shopify()
