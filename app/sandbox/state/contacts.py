"""Contacts and their enrollments. Sequence properties show what has happened only after a lag."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# HubSpot's names for the sources of a change are known for some sources only.
BY_API = "INTEGRATION"
BY_SEQUENCE = "SEQUENCES"


@dataclass(frozen=True)
class Sequence:
    """One sequence. `owner` is the user it belongs to; no other user sees a private one."""

    id: str
    name: str
    steps: int
    owner: str = "7001"
    private: bool = False
    kind: str = "EMAIL"


@dataclass(frozen=True)
class Enrollment:
    """An enrollment that has not ended. `ends_at` is None for a sequence that does not end by itself."""

    id: str
    sequence: Sequence
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
class Contact:
    """One contact. `refusal` is the code that its enrollment is refused with.

    `unenrollments` are due times, each with the id of the workflow that unenrolls the contact then. `on_change` gets
    every change of a property, with the instant from which it shows.
    """

    id: str
    properties: dict[str, str]
    created_at: float
    refusal: str | None = None
    enrollment: Enrollment | None = None
    on_change: Callable[[Contact, Change], None] | None = None
    changes: list[Change] = field(default_factory=list)
    unenrollments: list[tuple[float, str]] = field(default_factory=list)
    _scheduled: list[tuple[float, dict[str, str]]] = field(default_factory=list)

    @property
    def email(self) -> str:
        """The contact's address, empty where it has none."""
        return self.properties.get("email", "")

    @property
    def changed_at(self) -> float:
        """When a property took another value last."""
        return max([self.created_at, *(change.at for change in self.changes[-1:])])

    def set_properties(self, properties: dict[str, str], at: float, source: str = BY_API) -> None:
        """Set properties. A property that has the value already does not change."""
        for name, value in properties.items():
            before = self.properties.get(name)
            if before == value:
                continue
            self.properties[name] = value
            change = Change(name, value, before, at, source)
            self.changes.append(change)
            if self.on_change is not None:
                self.on_change(self, change)

    def as_of(self, moment: float) -> dict[str, str]:
        """Return the properties as they were."""
        return {change.name: change.value for change in self.changes if change.at <= moment}

    def enroll(self, enrollment: Enrollment, *, lag: float) -> None:
        """Begin a sequence; the properties show it later."""
        self.enrollment = enrollment
        count = int(self._latest("hs_sequences_enrolled_count") or 0) + 1
        properties = {
            "hs_sequences_is_enrolled": "true",
            "hs_sequences_enrolled_count": str(count),
            "hs_sequences_actively_enrolled_count": "1",
            "hs_latest_sequence_enrolled": enrollment.sequence.id,
            "hs_latest_sequence_enrolled_date": stamp(enrollment.since),
        }
        self.schedule(enrollment.since + lag, properties)

    def end(self, at: float, *, finished: bool, lag: float) -> None:
        """End the enrollment, if there is one: the sequence finished, or the contact was unenrolled."""
        if self.enrollment is None:
            return
        self.enrollment = None
        reason = "hs_latest_sequence_finished_date" if finished else "hs_latest_sequence_unenrolled_date"
        properties = {
            "hs_sequences_is_enrolled": "false",
            "hs_sequences_actively_enrolled_count": "0",
            "hs_latest_sequence_ended_date": stamp(at),
            reason: stamp(at),
        }
        self.schedule(at + lag, properties)

    def schedule(self, at: float, properties: dict[str, str]) -> None:
        """Set properties at an instant to come."""
        self._scheduled.append((at, properties))

    def advance(self, now: float, *, lag: float) -> None:
        """End an enrollment that is over by now, and set the properties that are due."""
        for at, finished in self._ends(now):
            self.end(at, finished=finished, lag=lag)
        for at, properties in [entry for entry in self._scheduled if entry[0] <= now]:
            self._scheduled.remove((at, properties))
            self.set_properties(properties, at, BY_SEQUENCE)

    def _ends(self, now: float) -> list[tuple[float, bool]]:
        """Return what ends the enrollment by now, in the order in which it happened, as (instant, finished)."""
        own_end = self.enrollment.ends_at if self.enrollment is not None else None
        due = [(at, False) for at, _ in self.unenrollments if at <= now]
        self.unenrollments = [entry for entry in self.unenrollments if entry[0] > now]
        return sorted([*due, *([(own_end, True)] if own_end is not None and own_end <= now else [])])

    def _latest(self, name: str) -> str | None:
        """Return a property as it will be once everything scheduled is set."""
        values = [properties[name] for _, properties in self._scheduled if name in properties]
        return values[-1] if values else self.properties.get(name)


def stamp(seconds: float) -> str:
    """Return an instant as HubSpot writes it: RFC 3339, milliseconds, Z."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
