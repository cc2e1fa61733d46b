"""The records that a group commit writes, and their outcome: values, no I/O."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.model import Decision, Delivery, Event, Verdict
from app.model.immutable import immutable
from app.people.addresses import listed_address

if TYPE_CHECKING:
    from collections.abc import Iterable

FORGOTTEN = "the person was forgotten"


@immutable
class RecordedDecision:
    """One decision with the ids it will be stored under."""

    id: str
    enrollment_id: str | None
    decision: Decision


@immutable
class DecidedEvent:
    """One event that a rule listens to, with its decisions."""

    id: str
    event: Event
    decisions: tuple[RecordedDecision, ...]

    @property
    def key(self) -> tuple[str, bytes]:
        """The key that identifies duplicates: the source, and a digest of the provider's id or tuple."""
        return self.event.source, dedupe_digest(self.event.dedupe)

    @property
    def asks(self) -> bool:
        """Tell whether something is asked for: an action for a person, or a lookup."""
        return self.event.thin or any(recorded.decision.enroll is not None for recorded in self.decisions)


@immutable
class IntakeRecord:
    """What the store writes for one delivery."""

    delivery: Delivery
    provider: str
    events: tuple[DecidedEvent, ...]


@dataclass(slots=True)
class Accepted:
    """The outcome of one record. `first_delivery_id` is set when every event had been seen before.

    `taken` maps the id of each enrollment that was not made to the id of the enrollment that holds the person's intent.
    `again` are the ids of stored events that were sent again, of which nothing came and which ask for something now.
    `forgotten` are the ids of decisions about people who were forgotten.
    """

    new: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    first_delivery_id: str | None = None
    taken: dict[str, str] = field(default_factory=dict)
    again: list[str] = field(default_factory=list)
    forgotten: frozenset[str] = frozenset()


def dedupe_digest(parts: Iterable[str]) -> bytes:
    """Return the digest of a dedupe tuple; each part is preceded by its length so that different tuples differ."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(encoded))
        digest.update(encoded)
    return digest.digest()


def email_of(decided: DecidedEvent) -> str | None:
    """Return the address under which an event is listed."""
    return listed_address(decided.event.email)


def final(recorded: RecordedDecision, result: Accepted) -> tuple[str, str]:
    """Return verdict and reason as stored: an enrollment whose intent is taken becomes a "no: duplicate"."""
    if recorded.id in result.forgotten:
        return Verdict.FORGOTTEN, FORGOTTEN
    holder = result.taken.get(recorded.enrollment_id or "")
    if holder is None:
        return recorded.decision.verdict, recorded.decision.reason
    return Verdict.DUPLICATE, f"duplicate of {holder}"
