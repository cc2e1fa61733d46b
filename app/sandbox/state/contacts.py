"""Contacts and their enrollments. Sequence properties show what has happened only after a lag."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# Which words HubSpot has for the sources of a change is known for some of them only.
BY_API = "INTEGRATION"
BY_SEQUENCE = "SEQUENCES"


@dataclass(frozen=True)
class SequencePlan:
    """One sequence. `owner` is the user it belongs to; a private one is shown to nobody else."""

    id: str
    name: str
    steps: int
    owner: str = "7001"
    private: bool = False
    kind: str = "EMAIL"


@dataclass(frozen=True)
class Running:
    """An enrollment that has not ended. `ends_at` is None for sequences that outlast any practice."""

    id: str
    sequence: SequencePlan
    user_id: str
    sender: str
    since: float
    ends_at: float | None


@dataclass(frozen=True)
class Change:
    """One property of a contact took another value; `before` is None where it had none."""

    name: str
    value: str
    before: str | None
    at: float
    source: str


@dataclass
class Person:
    """One contact. `refusal` is the code that enrolling it is refused with; `leaving` is when which workflow unenrolls.

    Every change of a property is told to `heard`, at the instant from which it shows.
    """

    id: str
    properties: dict[str, str]
    created_at: float
    refusal: str | None = None
    running: Running | None = None
    heard: Callable[[Person, Change], None] | None = None
    changes: list[Change] = field(default_factory=list)
    leaving: list[tuple[float, str]] = field(default_factory=list)
    _later: list[tuple[float, dict[str, str]]] = field(default_factory=list)

    @property
    def email(self) -> str:
        """The address it is known by."""
        return self.properties.get("email", "")

    @property
    def changed_at(self) -> float:
        """When a property took another value last."""
        return max([self.created_at, *(change.at for change in self.changes[-1:])])

    def put(self, told: dict[str, str], at: float, source: str = BY_API) -> None:
        """Set properties. One that has the value already does not change."""
        for name, value in told.items():
            before = self.properties.get(name)
            if before == value:
                continue
            self.properties[name] = value
            change = Change(name, value, before, at, source)
            self.changes.append(change)
            if self.heard is not None:
                self.heard(self, change)

    def as_of(self, moment: float) -> dict[str, str]:
        """Return the properties as they were."""
        return {change.name: change.value for change in self.changes if change.at <= moment}

    def enroll(self, running: Running, *, lag: float) -> None:
        """Begin a sequence; the properties follow later."""
        self.running = running
        count = int(self._latest("hs_sequences_enrolled_count") or 0) + 1
        told = {
            "hs_sequences_is_enrolled": "true",
            "hs_sequences_enrolled_count": str(count),
            "hs_sequences_actively_enrolled_count": "1",
            "hs_latest_sequence_enrolled": running.sequence.id,
            "hs_latest_sequence_enrolled_date": stamp(running.since),
        }
        self.later(running.since + lag, told)

    def end(self, at: float, *, finished: bool, lag: float) -> None:
        """End the sequence that runs, if one does: it ran to its end, or the contact was taken out of it."""
        if self.running is None:
            return
        self.running = None
        why = "hs_latest_sequence_finished_date" if finished else "hs_latest_sequence_unenrolled_date"
        told = {
            "hs_sequences_is_enrolled": "false",
            "hs_sequences_actively_enrolled_count": "0",
            "hs_latest_sequence_ended_date": stamp(at),
            why: stamp(at),
        }
        self.later(at + lag, told)

    def later(self, at: float, told: dict[str, str]) -> None:
        """Let properties show something from an instant on."""
        self._later.append((at, told))

    def advance(self, now: float, *, lag: float) -> None:
        """End a sequence whose time has come, and let properties show what has happened by now."""
        for at, finished in self._ends(now):
            self.end(at, finished=finished, lag=lag)
        for at, told in [entry for entry in self._later if entry[0] <= now]:
            self._later.remove((at, told))
            self.put(told, at, BY_SEQUENCE)

    def _ends(self, now: float) -> list[tuple[float, bool]]:
        """Return what has to end the sequence by now, in the order in which it happened."""
        own_end = self.running.ends_at if self.running is not None else None
        due = [(at, False) for at, _ in self.leaving if at <= now]
        self.leaving = [entry for entry in self.leaving if entry[0] > now]
        return sorted([*due, *([(own_end, True)] if own_end is not None and own_end <= now else [])])

    def _latest(self, name: str) -> str | None:
        """Return a property as it will be shown once everything has caught up."""
        values = [told[name] for _, told in self._later if name in told]
        return values[-1] if values else self.properties.get(name)


def stamp(seconds: float) -> str:
    """Return an instant as HubSpot writes it: RFC 3339, milliseconds, Z."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
