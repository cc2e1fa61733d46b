"""Customer.io: events of messages and of people.

Source: docs.customer.io (reporting webhooks). No tolerance for the timestamp is documented: the default is 5 minutes
both ways, and `tolerance` changes it. Deliveries are serial: one that fails delays all later ones.

Events name a person by `cio_id` or by the workspace's own id. docs.customer.io (App API, "lookup a customer's
attributes"): GET /v1/customers/{id}/attributes?id_type=... with an App API key; 10 requests a second.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, SecretStr

from app.model import Delivery, Event, SourceConfig
from app.sources.base import SignedProvider
from app.sources.fields import find, first_text, instant, required, text
from app.sources.options import TimedOptions, TokenOptions, options_of
from app.sources.person_fields import person_in
from app.sources.person_lookup import PersonLookup, PersonProvider, bearer, by_id
from app.sources.signing import Scheme

if TYPE_CHECKING:
    from collections.abc import Mapping

EXITS = frozenset({"unsubscribed"})
ATTRIBUTES = "/v1/customers/{}/attributes"


class CustomerIoOptions(TimedOptions, TokenOptions):
    """Keys of a Customer.io source."""

    api_token: SecretStr | None = Field(
        default=None, description="An App API key: it finds the address of a person's id."
    )
    api_host: Literal["api.customer.io", "api-eu.customer.io"] = Field(
        default="api.customer.io", description="The host of the account's region."
    )


BY_CIO_ID = by_id(f"{ATTRIBUTES}?id_type=cio_id", ("data", "identifiers", "cio_id"))
BY_OWN_ID = by_id(f"{ATTRIBUTES}?id_type=id", ("data", "identifiers", "id"), ("data", "customer_id"))


def _path(data: Mapping[str, Any]) -> str | None:
    return BY_CIO_ID(data) or BY_OWN_ID(data)


class CustomerIo(PersonProvider, SignedProvider):
    """`event_id` identifies the event; its type is the object's and the metric's name: `customer.subscribed`."""

    name = "customerio"
    Options = CustomerIoOptions
    hosts = frozenset({"api.customer.io", "api-eu.customer.io"})
    person = PersonLookup(path=_path, headers=bearer, within=("customer", "attributes"), read=person_in, per_minute=500)
    scheme = Scheme(
        header="x-cio-signature",
        template="v0:{timestamp}:{body}",
        timestamp_header="x-cio-timestamp",
        tolerance=timedelta(minutes=5),
    )

    def lookup_host(self, config: SourceConfig) -> str:
        """Return the host of the account's region."""
        return options_of(config, CustomerIoOptions).api_host

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event."""
        subject = find(body, "data")
        return Event(
            source=config.name,
            type=f"{required(body, 'object_type')}.{required(body, 'metric')}",
            dedupe=(required(body, "event_id"),),
            id=required(body, "event_id"),
            occurred_at=instant(body, "timestamp"),
            email=first_text(text(subject, "identifiers", "email"), text(subject, "email_address")),
            data=body,
            exit=find(body, "metric") in EXITS,
        )


PROVIDER = CustomerIo()
