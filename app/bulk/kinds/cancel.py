"""Cancel enrollments that wait or are parked: nothing is sent any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.bulk.estimate import Pace
from app.bulk.filters import Allowed
from app.bulk.job import Chunk, Kind
from app.bulk.parked_filter import NAMES, TIMES
from app.bulk.rows_store import ENROLLMENTS
from app.enrollments.operator_store import cancel_these
from app.model import State

if TYPE_CHECKING:
    from collections.abc import Mapping

STATES = (State.HELD, State.READY, State.PARKED)
WAITING = (State.HELD, State.READY)


async def work(chunk: Chunk) -> Mapping[str, int]:
    """Cancel those that are still waiting or parked; what a worker has in hand goes on."""
    cancelled = await cancel_these(chunk.connection, chunk.ids, chunk.filter.states, job=chunk.job_id)
    return {"cancelled": cancelled, "in_hand_or_over": len(chunk.ids) - cancelled}


KIND = Kind(
    "cancel",
    Allowed(NAMES | TIMES | {"states"}, NAMES | TIMES, STATES, WAITING, not_in_groups={}),
    ENROLLMENTS,
    Pace(500),
    per_chunk=500,
    work=work,
)
