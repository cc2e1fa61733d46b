"""Why a delivery is or is not accepted: one result per check, in words that print no secret. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.errors import DeliveryRejected, Unauthenticated
from app.sources.called_urls import called_urls
from app.sources.encodings import events_of, readable
from app.sources.redaction import restored

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from app.model import Delivery, SourceConfig
    from app.sources.base import Provider


# What a proof that covers the URL, or parts of it, says it covers.
URL_COVERED = frozenset({"url", "@target-uri", "@authority", "@path", "@scheme"})


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `passed` is None for a remark, which is neither good nor bad."""

    name: str
    passed: bool | None
    detail: str


def diagnose(
    delivery: Delivery,
    source: SourceConfig,
    others: Mapping[str, SourceConfig],
    provider: Provider,
    *,
    reason: str | None,
    maximum: int,
) -> list[Check]:
    """Return the checks of a stored delivery under the present configuration, at the time of its arrival.

    `reason` is why it was refused then, None where it was accepted; `maximum` the most bytes that a packed body may
    become.
    """
    now = delivery.received_at
    sent = _as_sent(delivery, source, provider, reason)
    if delivery.method not in provider.methods:
        expected = f"deliveries of {provider.name} come by {', '.join(sorted(provider.methods))}"
        return [Check("method", passed=False, detail=f"it came by {delivery.method}; {expected}")]
    refusal = _refusal(sent, source, provider, now)
    proof = provider.proof(source)
    checks = [Check("method", passed=True, detail=delivery.method)]
    if URL_COVERED & set(proof.covers.split(", ")):
        checks.append(Check("url", passed=None, detail=f"the signature covers {delivery.url}"))
    if refusal is None:
        checks.append(Check("proof", passed=True, detail=f"{proof.how}; it covers {proof.covers}"))
    else:
        checks.append(Check("proof", passed=False, detail=f"{refusal.reason}: {refusal}"))
        checks += _each_secret(sent, source, provider, now)
        checks += _near_misses(sent, source, provider, now)
        checks += _other_sources(sent, others, provider, now)
    return [*checks, _readable(sent, source, provider, maximum)]


def _as_sent(delivery: Delivery, source: SourceConfig, provider: Provider, reason: str | None) -> Delivery:
    """Return the delivery with the secret that was removed from it: the one that gives the same outcome as then.

    Where no secret does, the configuration has changed since, and the first secret takes its place; a delivery refused
    for a wrong secret held none of them.
    """
    candidates = [restored(delivery, secret) for secret in provider.removed_secrets(source)]
    for candidate in (delivery, *candidates):
        refusal = _refusal(candidate, source, provider, delivery.received_at)
        if (refusal.reason if refusal else None) == reason:
            return candidate
    return candidates[0] if candidates and reason != "auth_mismatch" else delivery


def _refusal(delivery: Delivery, source: SourceConfig, provider: Provider, now: datetime) -> Unauthenticated | None:
    try:
        provider.verify(delivery, source, now)
    except Unauthenticated as refusal:
        return refusal
    return None


def _each_secret(delivery: Delivery, source: SourceConfig, provider: Provider, now: datetime) -> Iterator[Check]:
    for number, secret in enumerate(source.secrets, start=1):
        alone = _refusal(delivery, replace(source, secrets=(secret,)), provider, now)
        detail = "it fits" if alone is None else f"{alone.reason}: {alone}"
        yield Check(f"secret {number}", passed=alone is None, detail=detail)


def _near_misses(delivery: Delivery, source: SourceConfig, provider: Provider, now: datetime) -> Iterator[Check]:
    """Yield changes with which it would pass: what usually happens to a request on its way from the sender."""
    changes = {
        f"the URL as {base}...: set SEGUE_PUBLIC_URL to what the sender calls": replace(delivery, url=url)
        for base, url in called_urls(delivery)
    } | {
        "a body without its last line's end: something in between adds one": replace(
            delivery, body=delivery.body.rstrip(b"\r\n")
        ),
        "a body with a line's end behind it: something in between takes it away": replace(
            delivery, body=delivery.body + b"\n"
        ),
    }
    for change, changed in changes.items():
        if changed != delivery and _refusal(changed, source, provider, now) is None:
            yield Check("near miss", passed=None, detail=f"it would pass with {change}")


def _other_sources(
    delivery: Delivery, others: Mapping[str, SourceConfig], provider: Provider, now: datetime
) -> Iterator[Check]:
    for name, other in others.items():
        if other.provider == provider.name and _refusal(delivery, other, provider, now) is None:
            yield Check(
                "near miss", passed=None, detail=f"it passes as a delivery of the source {name}: is the URL its own?"
            )


def _readable(delivery: Delivery, source: SourceConfig, provider: Provider, maximum: int) -> Check:
    try:
        events = events_of(provider, readable(provider.stored(delivery, source), maximum=maximum), source)
    except DeliveryRejected as refusal:
        return Check("content", passed=False, detail=f"{refusal.reason}: {refusal}")
    kinds = ", ".join(dict.fromkeys(event.type for event in events)) or "none"
    return Check("content", passed=True, detail=f"{len(events)} event{'' if len(events) == 1 else 's'}: {kinds}")
