"""Stripe: checkouts, trials, failed payments.

Source: docs.stripe.com/webhooks and stripe-python. The key is the whole endpoint secret, `whsec_` included; a signature
may be up to 5 minutes old (Stripe's own library checks only its age); `v0` entries are ignored.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from app.model import Delivery, Event, SourceConfig
from app.sources.base import SignedProvider
from app.sources.fields import find, first_text, instant, list_at, required, text
from app.sources.form_labels import meaning
from app.sources.options import TimedOptions
from app.sources.signing import Scheme

EXITS = frozenset({"customer.subscription.deleted", "customer.deleted"})
EMAILS = (("customer_details", "email"), ("customer_email",), ("receipt_email",), ("billing_details", "email"))
NAMES = (("customer_details", "name"), ("customer_name",), ("billing_details", "name"))


class Stripe(SignedProvider):
    """`id` (evt_...) identifies the event; the place of the person depends on the kind of object."""

    name = "stripe"
    Options = TimedOptions
    scheme = Scheme(
        header="stripe-signature",
        layout="pairs",
        template="{timestamp}.{body}",
        tolerance=timedelta(minutes=5),
        future=False,
    )

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event; the company is a checkout's custom field of that name."""
        subject = find(body, "data", "object")
        customer = subject if text(subject, "object") == "customer" else None
        return Event(
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
        )


def _company(subject: Any) -> str | None:
    for field in list_at(subject, "custom_fields"):
        if "company" in (meaning(text(field, "key") or ""), meaning(text(field, "label", "custom") or "")):
            return text(field, "text", "value")
    return None


PROVIDER = Stripe()
