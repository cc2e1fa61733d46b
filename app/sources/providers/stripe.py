"""Stripe: checkouts, trials, failed payments.

Source: docs.stripe.com/webhooks and stripe-python. The key is the whole endpoint secret, `whsec_` included; a signature
may be up to 5 minutes old (Stripe's own library checks only its age); `v0` entries are ignored.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from app.model import Event
from app.sources.base import SignedProvider, TimedOptions
from app.sources.fields import find, first_text, instant, parse_object, required, text
from app.sources.form_labels import meaning
from app.sources.signing import Scheme

if TYPE_CHECKING:
    from pydantic import BaseModel

    from app.model import Delivery, SourceConfig

EXITS = frozenset({"customer.subscription.deleted", "customer.deleted"})
EMAILS = (("customer_details", "email"), ("customer_email",), ("receipt_email",), ("billing_details", "email"))
NAMES = (("customer_details", "name"), ("customer_name",), ("billing_details", "name"))


class Stripe(SignedProvider):
    """`id` (evt_...) identifies the event; the place of the person depends on the kind of object."""

    name = "stripe"
    Options: type[BaseModel] = TimedOptions
    scheme = Scheme(
        header="stripe-signature",
        layout="pairs",
        template="{timestamp}.{body}",
        tolerance=timedelta(minutes=5),
        future=False,
    )

    def events(self, delivery: Delivery, config: SourceConfig) -> list[Event]:
        """Return the one event; the company is a checkout's custom field of that name."""
        body = parse_object(delivery.body)
        subject = find(body, "data", "object")
        customer = subject if text(subject, "object") == "customer" else None
        return [
            Event(
                source=config.name,
                type=required(body, "type"),
                dedupe=(required(body, "id"),),
                id=required(body, "id"),
                occurred_at=instant(body, "created"),
                email=first_text(text(customer, "email"), *[text(subject, *path) for path in EMAILS]),
                name=first_text(text(customer, "name"), *[text(subject, *path) for path in NAMES]),
                company=_company(subject),
                data=body,
                exit=find(body, "type") in EXITS,
            ),
        ]


def _company(subject: Any) -> str | None:
    fields = find(subject, "custom_fields")
    for field in fields if isinstance(fields, list) else []:
        if "company" in (meaning(text(field, "key") or ""), meaning(text(field, "label", "custom") or "")):
            return text(field, "text", "value")
    return None


PROVIDER = Stripe()
