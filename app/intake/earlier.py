"""What a stored event came to before: its enrollments, and the decisions that were made last. Values, no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.model import State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NOT_SENT = frozenset({State.PARKED, State.REFUSED, State.CANCELLED, State.EXPIRED})


@dataclass(frozen=True, slots=True)
class EarlierEnrollment:
    """An enrollment that the event came to before. `sent`: a request of it may have worked.

    `unenrolling`: a workflow that it has started may still take the contact out of a sequence.
    """

    id: str
    rule: str
    account: str
    intent: str
    action: str
    state: str
    reason: str | None
    sent: bool
    unenrolling: bool

    @property
    def replaceable(self) -> bool:
        """Tell whether another enrollment may take its place."""
        return self.state in NOT_SENT and not self.sent and not self.unenrolling


@dataclass(frozen=True, slots=True)
class EarlierDecision:
    """One of the decisions that were made last about the event."""

    verdict: str
    reason: str
    rule: str | None
    revision: str
    enrollment_id: str | None


def outcome(latest: Sequence[EarlierDecision], earlier: Sequence[EarlierEnrollment]) -> str:
    """Say in a few words what the event came to before: each state with its reason, or the verdict."""
    enrollments: Mapping[str, EarlierEnrollment] = {one.id: one for one in earlier}
    return ", ".join(dict.fromkeys(_outcome(one, enrollments) for one in latest)) or "not decided"


def _outcome(decision: EarlierDecision, enrollments: Mapping[str, EarlierEnrollment]) -> str:
    one = enrollments.get(decision.enrollment_id or "")
    if one is None:
        return decision.verdict
    return f"{one.state} ({one.reason})" if one.reason else one.state
