"""The states of a job, and what may be done in each: this table is every transition there is. Pure.

    waiting -> running -> done | failed
       ^          |
       +-- paused + (paused, cancelled: from waiting, running or failed as well)

`done` and `cancelled` are final. A failed job can be resumed, and goes on at its cursor.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from app.errors import JobNotMovable

if TYPE_CHECKING:
    from collections.abc import Mapping


class JobState(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Move(StrEnum):
    """What is done with a job: the first four by a worker, the others by an operator."""

    CLAIM = "claim"
    GO_ON = "go_on"
    FINISH = "finish"
    FAIL = "fail"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


TRANSITIONS: Mapping[tuple[JobState, Move], JobState] = MappingProxyType(
    {
        (JobState.WAITING, Move.CLAIM): JobState.RUNNING,
        (JobState.RUNNING, Move.CLAIM): JobState.RUNNING,  # the lease of another worker has run out
        (JobState.RUNNING, Move.GO_ON): JobState.RUNNING,
        (JobState.RUNNING, Move.FINISH): JobState.DONE,
        (JobState.RUNNING, Move.FAIL): JobState.FAILED,
        (JobState.WAITING, Move.PAUSE): JobState.PAUSED,
        (JobState.RUNNING, Move.PAUSE): JobState.PAUSED,
        (JobState.PAUSED, Move.RESUME): JobState.WAITING,
        (JobState.FAILED, Move.RESUME): JobState.WAITING,
        (JobState.WAITING, Move.CANCEL): JobState.CANCELLED,
        (JobState.RUNNING, Move.CANCEL): JobState.CANCELLED,
        (JobState.PAUSED, Move.CANCEL): JobState.CANCELLED,
        (JobState.FAILED, Move.CANCEL): JobState.CANCELLED,
    }
)
OPEN = frozenset({JobState.WAITING, JobState.RUNNING})  # a worker goes on with these
FINAL = frozenset(state for state in JobState if not any(before is state for before, _ in TRANSITIONS))


def after(state: JobState, move: Move) -> JobState:
    """Return the state that a move leads to. Raises JobNotMovable where the table has no such transition."""
    reached = TRANSITIONS.get((state, move))
    if reached is None:
        raise JobNotMovable(f"The job is {state}: {move.replace('_', ' ')} is not possible.")
    return reached
