"""Chargebee: customers, subscriptions and payments.

Source: apidocs.chargebee.com/docs/api/events. Chargebee supports Basic only. It retries for more than three days, and
out of order: `event.data.content.*.resource_version` shows which event is newer.

Some events hold no customer, only the `customer_id` of an invoice, a transaction or another object.
apidocs.chargebee.com (customers): GET /api/v2/customers/{id} at the site's own host, Basic with the API key as the
user; chargebee.com/docs (API limits): 150 requests a minute for test sites and the smallest plan.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, SecretStr, StringConstraints

from app.model import Delivery, Event, SourceConfig
from app.sources.base import CredentialProvider
from app.sources.credentials import Credential
from app.sources.fields import find, first_text, id_at, instant, required
from app.sources.options import TokenOptions, options_of, token_of
from app.sources.person_fields import person_at
from app.sources.person_lookup import PersonLookup, PersonProvider, basic, with_id

if TYPE_CHECKING:
    from collections.abc import Mapping

EXITS = frozenset({"subscription_cancelled", "customer_deleted"})
FIELDS = ("email", "first_name", "last_name", "company")


class ChargebeeOptions(TokenOptions):
    """Keys of a Chargebee source."""

    api_token: SecretStr | None = Field(
        default=None,
        description="A read-only API key: it finds the address of a customer's id. It needs `site`.",
    )
    site: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")] | None = Field(
        default=None, description="The site's name: the first label of its address, such as acme-test."
    )


def _customer_path(data: Mapping[str, Any]) -> str | None:
    content = find(data, "content")
    objects = content.values() if isinstance(content, dict) else ()
    return with_id("/api/v2/customers/{}", first_text(*[id_at(value, "customer_id") for value in objects]))


class Chargebee(PersonProvider, CredentialProvider):
    """`id` (ev_...) identifies the event."""

    name = "chargebee"
    Options = ChargebeeOptions
    credential = Credential("basic")
    hosts = frozenset({"*.chargebee.com"})
    lookup_subject = "customer"
    thin_types = re.compile(r"(invoice|credit_note|transaction)_.*")
    person = PersonLookup(
        path=_customer_path,
        headers=basic,
        within=("customer",),
        read=partial(person_at, **{name: name for name in FIELDS}),
        per_minute=120,
    )

    def check(self, config: SourceConfig) -> list[str]:
        """Return what is wrong with the secrets, or that a key has no site to be used at."""
        siteless = token_of(config) is not None and options_of(config, ChargebeeOptions).site is None
        return super().check(config) + (["`api_token` needs `site`, the site's name"] if siteless else [])

    def lookup_host(self, config: SourceConfig) -> str:
        """Return the host of the site."""
        return f"{options_of(config, ChargebeeOptions).site}.chargebee.com"

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event; the person is the customer in its content."""
        kind = required(body, "event_type")
        return Event(
            source=config.name,
            type=kind,
            dedupe=(required(body, "id"),),
            id=required(body, "id"),
            occurred_at=instant(body, "occurred_at"),
            data=body,
            exit=kind in EXITS,
            **person_at(find(body, "content", "customer"), *FIELDS),
        )


PROVIDER = Chargebee()
