"""Standard Webhooks: one scheme for every system that can sign, home-grown ones included; Svix headers are the same.

Source: the specification and reference libraries of github.com/standard-webhooks. Only symmetric signatures (`v1`) are
read; entries of other versions, such as asymmetric `v1a`, are ignored as the specification asks.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from app.model import Event
from app.sources import signing
from app.sources.base import SignedProvider, TimedOptions, unsent
from app.sources.fields import (
    any_text,
    body_digest,
    find,
    first_text,
    from_digits,
    instant,
    parse_object,
    storable,
    text,
)
from app.sources.signing import Scheme

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from pydantic import BaseModel

    from app.model import Delivery, SourceConfig


class StandardWebhooks(SignedProvider):
    """`webhook-id` is the same on every retry and identifies the event."""

    name = "standard-webhooks"
    Options: type[BaseModel] = TimedOptions
    scheme = Scheme(
        header="webhook-signature",
        template="{id}.{timestamp}.{body}",
        key="base64",
        key_prefix="whsec_",
        encoding="base64",
        layout="list",
        id_header="webhook-id",
        timestamp_header="webhook-timestamp",
        tolerance=timedelta(minutes=5),
    )

    def check(self, config: SourceConfig) -> list[str]:
        """Return what is wrong with the secrets; keys for asymmetric signatures are named as such."""
        asymmetric = [s for s in config.secrets if s.value.startswith(("whpk_", "whsk_"))]
        if asymmetric:
            return ["whpk_ and whsk_ keys belong to v1a signatures, which are not supported: use a whsec_ secret"]
        return super().check(config)

    def verify(self, delivery: Delivery, config: SourceConfig, now: datetime) -> None:
        """Raise Unauthentic unless a v1 signature is by one of the source's secrets and at most 5 minutes off."""
        scheme = _with_prefix(self.scheme_of(config), _prefix(delivery.headers))
        signing.verify(scheme, delivery, config.secrets, now)

    def sign(self, body: bytes, config: SourceConfig, now: datetime, *, method: str, url: str) -> dict[str, str]:
        """Return the three headers; the id is drawn from the body, so that the same sample sent again is a retry."""
        message = unsent(body, config, now, method=method, url=url, message=f"msg_{body_digest(body)[:24]}")
        return signing.sign(self.scheme, message, config.secrets, now)

    def events(self, delivery: Delivery, config: SourceConfig) -> list[Event]:
        """Return the one event: its type and time from the body, the person from `data` or the body itself."""
        body = parse_object(delivery.body)
        prefix = _prefix(delivery.headers)
        identifier = storable(delivery.headers.get(f"{prefix}-id", ""))
        sent_at = delivery.headers.get(f"{prefix}-timestamp", "")
        return [
            Event(
                source=config.name,
                type=any_text(body, "type", "event_type") or "",
                dedupe=(identifier or body_digest(delivery.body),),
                id=identifier or None,
                occurred_at=instant(body, "timestamp") or from_digits(sent_at, "s"),
                data=body,
                **_person(body),
            ),
        ]


def _prefix(headers: Mapping[str, str]) -> str:
    return "svix" if "webhook-signature" not in headers and "svix-signature" in headers else "webhook"


def _with_prefix(scheme: Scheme, prefix: str) -> Scheme:
    if prefix == "webhook":
        return scheme
    return replace(scheme, header="svix-signature", id_header="svix-id", timestamp_header="svix-timestamp")


def _person(body: dict[str, Any]) -> dict[str, str | None]:
    data = found if isinstance(found := find(body, "data"), dict) else body
    return {
        "email": any_text(data, "email"),
        "first_name": any_text(data, "first_name", "firstName", "firstname"),
        "last_name": any_text(data, "last_name", "lastName", "lastname"),
        "name": any_text(data, "name", "full_name", "fullName"),
        "company": first_text(any_text(data, "company"), text(data, "company", "name")),
    }


PROVIDER = StandardWebhooks()
