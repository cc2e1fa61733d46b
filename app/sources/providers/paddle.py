"""Paddle: customers, transactions and subscriptions.

Source: developer.paddle.com/webhooks and paddle-python-sdk. The key is the whole `pdl_ntfset_` secret; Paddle's own
libraries accept a timestamp for 5 seconds, which `tolerance` widens where clocks or networks are slower.

Transactions and subscriptions name a customer by id. developer.paddle.com/api-reference/customers/get-customer: GET
/customers/{id} with the permission `customer.read`; .../about/authentication: keys of the sandbox begin with
`pdl_sdbx_` and work at its host only; .../about/rate-limiting: 240 requests a minute for an IP address.
"""

from __future__ import annotations

import re
from datetime import timedelta
from functools import partial
from typing import Any, Literal

from pydantic import Field, SecretStr

from app.model import Delivery, Event, SourceConfig
from app.sources.base import SignedProvider
from app.sources.fields import find, instant, required
from app.sources.options import TimedOptions, TokenOptions, options_of, token_of
from app.sources.person_fields import first_of, person_at
from app.sources.person_lookup import PersonLookup, PersonProvider, bearer, by_id
from app.sources.signing import Scheme

LIVE, SANDBOX = "api.paddle.com", "sandbox-api.paddle.com"
SANDBOX_KEY = "pdl_sdbx_"


class PaddleOptions(TimedOptions, TokenOptions):
    """Keys of a Paddle source."""

    api_token: SecretStr | None = Field(
        default=None,
        description="An API key with the permission customer.read: it finds the address of a customer's id.",
    )
    api_host: Literal["api.paddle.com", "sandbox-api.paddle.com"] | None = Field(
        default=None, description="Where the key works; when not set, its beginning decides."
    )


class Paddle(PersonProvider, SignedProvider):
    """`event_id` identifies the event; `notification_id` only one delivery of it."""

    name = "paddle"
    Options = PaddleOptions
    hosts = frozenset({LIVE, SANDBOX})
    lookup_subject = "customer"
    thin_types = re.compile(r"(subscription|transaction|adjustment|payment_method)\..*")
    person = PersonLookup(
        path=by_id("/customers/{}", ("data", "customer_id")),
        headers=bearer,
        within=("data",),
        read=partial(person_at, email="email", name="name"),
        per_minute=200,
    )
    scheme = Scheme(
        header="paddle-signature",
        layout="pairs",
        separator=";",
        timestamp_tag="ts",
        version="h1",
        template="{timestamp}:{body}",
        tolerance=timedelta(seconds=5),
    )

    def lookup_host(self, config: SourceConfig) -> str:
        """Return the host of the sandbox or of the live account, where the key works."""
        by_key = SANDBOX if (token_of(config) or "").startswith(SANDBOX_KEY) else LIVE
        return options_of(config, PaddleOptions).api_host or by_key

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event; other objects than customers name a customer by id, without an address."""
        subject = find(body, "data")
        return Event(
            source=config.name,
            type=required(body, "event_type"),
            dedupe=(required(body, "event_id"),),
            id=required(body, "event_id"),
            occurred_at=instant(body, "occurred_at"),
            data=body,
            exit=find(body, "event_type") == "subscription.canceled",
            **first_of(
                person_at(subject, "email", "name", company="business.name"),
                person_at(subject, email="customer.email", name="customer.name"),
            ),
        )


PROVIDER = Paddle()
