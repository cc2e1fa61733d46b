"""Segment: product analytics events.

Source: segment-docs (Webhook and Webhooks (Actions) destinations) and action-destinations. In a batch the signature
covers the FIRST element alone, as Segment's JSON.stringify wrote it; its bytes are cut out of the body, never written
anew. What follows it proves nothing and is never read: such a batch is refused unless the source says
`batches: first-only`, which takes the first event and drops the rest.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.errors import Unauthentic, Unreadable
from app.model import Event
from app.sources import signing
from app.sources.base import SignedProvider, unsent
from app.sources.fields import body_digest, find, first_text, identity, instant, parse_object, required, text
from app.sources.signing import Scheme

if TYPE_CHECKING:
    from datetime import datetime

    from app.model import Delivery, SourceConfig

ARRAY = re.compile(rb"\s*\[\s*(?=\{)")
# A string that never ends is one token up to the end of the body, or hostile bodies would take quadratic time.
TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
AFTER = re.compile(rb"\s*([,\]])")


class SegmentOptions(BaseModel):
    """Keys of a Segment source."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    batches: Literal["refuse", "first-only"] = Field(
        default="refuse",
        description="What becomes of a batch, of which only the first event is signed: "
        "`refuse` answers 400, `first-only` takes the first event and drops the others.",
    )


class Segment(SignedProvider):
    """`messageId` identifies the event."""

    name = "segment"
    Options: type[BaseModel] = SegmentOptions
    scheme = Scheme(header="x-signature", algorithm="sha1")

    def verify(self, delivery: Delivery, config: SourceConfig, now: datetime) -> None:
        """Raise Unauthentic unless one of the secrets signed the event, or a batch's first event."""
        part, _ = signed_part(delivery.body)
        signed = delivery if part is delivery.body else replace(delivery, body=part)
        signing.verify(self.scheme, signed, config.secrets, now)

    def sign(self, body: bytes, config: SourceConfig, now: datetime, *, method: str, url: str) -> dict[str, str]:
        """Return the signature header for an event, or for a batch by its first event."""
        part, _ = signed_part(body)
        return signing.sign(self.scheme, unsent(part, config, now, method=method, url=url), config.secrets, now)

    def events(self, delivery: Delivery, config: SourceConfig) -> list[Event]:
        """Return the one event that the signature covers."""
        part, more = signed_part(delivery.body)
        if more and not (isinstance(config.options, SegmentOptions) and config.options.batches == "first-only"):
            raise Unreadable("batch_refused", "only a batch's first event is signed: set `batches: first-only`")
        return [_event(parse_object(part), part, config)]


def signed_part(body: bytes) -> tuple[bytes, bool]:
    """Return the bytes that the signature covers, and whether more events follow them."""
    if not body.lstrip(b" \t\r\n").startswith(b"["):
        return body, False
    if (opening := ARRAY.match(body)) and (end := _end_of_element(body, opening.end())):
        after = AFTER.match(body, end)
        return body[opening.end() : end], after is None or after[1] == b","
    raise Unauthentic("signature_mismatch", "the batch has no first event that a signature could cover")


def _end_of_element(body: bytes, start: int) -> int | None:
    depth = 0
    for token in TOKEN.finditer(body, start):
        depth += {b"{": 1, b"[": 1, b"}": -1, b"]": -1}.get(token[0], 0)
        if depth == 0:
            return token.end()
    return None


def _event(body: dict[str, Any], raw: bytes, config: SourceConfig) -> Event:
    kind = required(body, "type")
    about_group = kind == "group"  # a group call's own traits describe the company, not the person
    traits = (
        [find(body, "context", "traits")] if about_group else [find(body, "traits"), find(body, "context", "traits")]
    )
    company = text(body, "traits", "name") if about_group else None
    return Event(
        source=config.name,
        type=kind,
        dedupe=(identity(body, "messageId") or body_digest(raw),),
        id=identity(body, "messageId"),
        occurred_at=instant(body, "timestamp"),
        email=first_text(_any_of(traits, "email"), text(body, "properties", "email")),
        first_name=_any_of(traits, "firstName", "first_name"),
        last_name=_any_of(traits, "lastName", "last_name"),
        name=_any_of(traits, "name"),
        company=first_text(company, _any_of(traits, "company"), *[text(each, "company", "name") for each in traits]),
        data=body,
    )


def _any_of(traits: list[Any], *keys: str) -> str | None:
    return first_text(*[text(each, key) for each in traits for key in keys])


PROVIDER = Segment()
