"""What a group commit is asked to keep, and what became of it: values, no I/O."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.model import Decision, Delivery, Event, Verdict
from app.people.addresses import listed_address

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class RecordedDecision:
    """One decision with the ids it will be stored under."""

    id: str
    enrollment_id: str | None
    decision: Decision


@dataclass(frozen=True, slots=True)
class DecidedEvent:
    """One event that a rule listens to, with its decisions."""

    id: str
    event: Event
    decisions: tuple[RecordedDecision, ...]

    @property
    def key(self) -> tuple[str, bytes]:
        """What tells a duplicate: the source and a digest of the provider's id or tuple."""
        return self.event.source, dedupe_digest(self.event.dedupe)


@dataclass(frozen=True, slots=True)
class IntakeRecord:
    """What one delivery asks the store to keep."""

    delivery: Delivery
    provider: str
    heard: tuple[DecidedEvent, ...]


@dataclass(slots=True)
class Accepted:
    """What became of one entry: `first_delivery_id` is set when every event had been seen before.

    `taken` maps the ids of enrollments that were not made to the id of the enrollment that holds the person's intent.
    """

    new: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    first_delivery_id: str | None = None
    taken: dict[str, str] = field(default_factory=dict)


def dedupe_digest(parts: Iterable[str]) -> bytes:
    """Return the digest of a dedupe tuple; each part is preceded by its length so that no two tuples run together."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(encoded))
        digest.update(encoded)
    return digest.digest()


def email_of(heard: DecidedEvent) -> str | None:
    """Return the address an event is listed under."""
    return listed_address(heard.event.email)


def final(verdicted: RecordedDecision, result: Accepted) -> tuple[str, str]:
    """Return verdict and reason as stored: an enrollment whose intent is taken becomes a "no: duplicate"."""
    holder = result.taken.get(verdicted.enrollment_id or "")
    if holder is None:
        return verdicted.decision.verdict, verdicted.decision.reason
    return Verdict.DUPLICATE, f"duplicate of {holder}"
