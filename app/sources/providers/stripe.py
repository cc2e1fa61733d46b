"""Stripe: checkouts, trials, failed payments.

Source: docs.stripe.com/webhooks and stripe-python. The key is the whole endpoint secret, `whsec_` included; a signature
may be up to 5 minutes old (Stripe's own library checks only its age); `v0` entries are ignored.

Most objects name a customer by id, and many no address. docs.stripe.com/api/customers/retrieve: GET
/v1/customers/{id}; of a deleted customer it answers little more than `deleted`. docs.stripe.com/connect (webhooks,
authentication): `account` names the connected account of an event, and `Stripe-Account` asks in it.
docs.stripe.com/rate-limits: 25 requests a second in a sandbox, 100 live.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from pydantic import Field, SecretStr

from app.model import Delivery, Event, SourceConfig
from app.sources.base import Lookup, SignedProvider
from app.sources.fields import find, first_text, instant, list_at, required, text
from app.sources.form_labels import meaning
from app.sources.options import TimedOptions, TokenOptions
from app.sources.person_fields import person_at
from app.sources.person_lookup import PersonLookup, PersonProvider, bearer, by_id
from app.sources.signing import Scheme

ACCOUNT = re.compile(r"acct_[A-Za-z0-9]{1,60}")
EXITS = frozenset({"customer.subscription.deleted", "customer.deleted"})
EMAILS = (("customer_details", "email"), ("customer_email",), ("receipt_email",), ("billing_details", "email"))
NAMES = (("customer_details", "name"), ("customer_name",), ("billing_details", "name"))


class StripeOptions(TimedOptions, TokenOptions):
    """Keys of a Stripe source."""

    api_token: SecretStr | None = Field(
        default=None,
        description="A restricted key (rk_...) that may read customers: it finds the address of a customer's id.",
    )


class Stripe(PersonProvider, SignedProvider):
    """`id` (evt_...) identifies the event; the place of the person depends on the kind of object."""

    name = "stripe"
    Options = StripeOptions
    hosts = frozenset({"api.stripe.com"})
    lookup_subject = "customer"
    thin_types = re.compile(
        r"customer\.(subscription|discount|source|tax_id)\..*|(setup_intent|subscription_schedule)\..*"
    )
    person = PersonLookup(
        path=by_id("/v1/customers/{}", ("data", "object", "customer")),
        headers=bearer,
        read=partial(person_at, email="email", name="name"),
        per_minute=1200,
    )
    scheme = Scheme(
        header="stripe-signature",
        layout="pairs",
        template="{timestamp}.{body}",
        tolerance=timedelta(minutes=5),
        future=False,
    )

    def lookup(self, event: Event, config: SourceConfig) -> Lookup | None:
        """Return the request for the event's customer, in the connected account that the event is of."""
        lookup, account = super().lookup(event, config), find(event.data, "account")
        if lookup is None or account is None:
            return lookup
        named = isinstance(account, str) and ACCOUNT.fullmatch(account)
        return replace(lookup, headers={**lookup.headers, "stripe-account": account}) if named else None

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
