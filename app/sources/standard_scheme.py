"""Standard Webhooks and its predecessor, Svix: one scheme under two names of headers, which both may use.

Source: the specification and reference libraries of github.com/standard-webhooks, and Svix's documentation. `v1` is
HMAC with a `whsec_` secret, `v1a` ed25519 with a `whpk_` public key; entries of other versions are ignored, as the
specification requires. The reference library is not used: it reads the clock itself, has no `v1a`, and gives no reason;
tests compare this module with it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from app.errors import StartError, Unauthenticated
from app.model import Delivery, Event, Secret, SourceConfig
from app.sources.answers import answers_in
from app.sources.base import SignedProvider, unheard, unsent, with_tolerance
from app.sources.fields import any_text, body_digest, find, from_digits, instant, storable
from app.sources.options import TimedOptions
from app.sources.person_fields import person_in
from app.sources.signing import Scheme

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.sources.assurance import Proof

# For these reasons the shared secret is checked next: no signature by a public key was sent, or its key has expired. A
# signature that fits no public key is refused, whatever the shared secret says.
TRY_SHARED = frozenset({"malformed_signature", "expired"})
PUBLIC, PRIVATE = "whpk_", "whsk_"
SHARED = Scheme(
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

SCHEMES = {
    "webhook": SHARED,
    "svix": replace(SHARED, header="svix-signature", id_header="svix-id", timestamp_header="svix-timestamp"),
}


class StandardProvider(SignedProvider):
    """`webhook-id` is the same on every retry and identifies the event. Its headers begin with `prefix`."""

    Options = TimedOptions
    prefix: str = "webhook"
    header_prefixes = ("webhook-", "svix-")
    scheme = SHARED

    def check(self, config: SourceConfig) -> list[str]:
        """Return what is wrong with the secrets and public keys."""
        if any(secret.value.startswith(PRIVATE) for secret in config.secrets):
            return ["whsk_ keys are the sender's own and secret: a receiver has the whpk_ key"]
        shared, public = _split(config.secrets)
        wrong = [secret for secret in public if len(_asymmetric(SHARED).key_of(secret.value) or b"") != 32]  # noqa: PLR2004  # bytes of an ed25519 key
        if wrong:
            return ["a whpk_ key is not the base64 of 32 bytes: paste it as the sender shows it"]
        return super().check(replace(config, secrets=shared)) if shared or not public else []

    def proof(self, config: SourceConfig) -> Proof:
        """Return what a signature covers."""
        return replace(super().proof(config), how=f"HMAC-SHA256 or ed25519 in {self.prefix}-signature")

    def verify(self, delivery: Delivery, config: SourceConfig, now: datetime) -> Secret | None:
        """Raise Unauthenticated unless a signature is by one of the source's keys and at most 5 minutes off."""
        scheme = with_tolerance(SCHEMES[self._sent_prefix(delivery.headers)], config)
        shared, public = _split(config.secrets)
        if not public:
            return scheme.verify(delivery, shared, now)
        try:
            return _asymmetric(scheme).verify(delivery, public, now)
        except Unauthenticated as refusal:
            if not shared or refusal.reason not in TRY_SHARED:
                raise
        return scheme.verify(delivery, shared, now)

    def sign(self, body: bytes, config: SourceConfig, now: datetime, *, method: str, url: str) -> dict[str, str]:
        """Return the three headers; the id is made from the body, so that the same sample sent again is a retry."""
        shared, public = _split(config.secrets)
        if public and not shared:
            raise StartError(f"the source {config.name} has a public key only, which cannot sign")
        request = replace(unsent(body, config, now, method, url), id=f"msg_{body_digest(body)[:24]}")
        return SCHEMES[self.prefix].sign(request, shared, now)

    def heard_events(self, delivery: Delivery, config: SourceConfig, hears: Callable[[str], bool]) -> list[Event]:
        """Return the one event, with its type only where nothing hears it."""
        body = self.parsed(delivery)
        kind = _type_of(body)
        return [self.event(body, delivery, config) if hears(kind) else unheard(config, kind)]

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event: its type and time from the body, the person from `data` or the body itself."""
        prefix = self._sent_prefix(delivery.headers)
        identifier = storable(delivery.headers.get(f"{prefix}-id", ""))
        sent_at = delivery.headers.get(f"{prefix}-timestamp", "")
        data = body.get("data")
        return Event(
            source=config.name,
            type=_type_of(body),
            dedupe=(identifier or body_digest(delivery.body),),
            id=identifier or None,
            occurred_at=instant(body, "timestamp") or from_digits(sent_at, "s"),
            data=body,
            answers=answers_in(find(data, "answers")),
            **person_in(data if isinstance(data, dict) else body),
        )

    def _sent_prefix(self, headers: Mapping[str, str]) -> str:
        if SCHEMES[self.prefix].header in headers:
            return self.prefix
        other = "svix" if self.prefix == "webhook" else "webhook"
        return other if SCHEMES[other].header in headers else self.prefix


def _type_of(body: dict[str, Any]) -> str:
    return any_text(body, "type", "event_type") or ""


def _split(secrets: tuple[Secret, ...]) -> tuple[tuple[Secret, ...], tuple[Secret, ...]]:
    """Return shared secrets and public keys separately."""
    public = tuple([secret for secret in secrets if secret.value.startswith(PUBLIC)])
    if not public:
        return secrets, public
    return tuple(secret for secret in secrets if secret not in public), public


def _asymmetric(scheme: Scheme) -> Scheme:
    return replace(scheme, algorithm="ed25519", version="v1a", key_prefix=PUBLIC)
