"""Send outbound events of one endpoint again: the same bytes under the same `webhook-id`, with all their tries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.bulk.estimate import Pace
from app.bulk.filters import Allowed
from app.bulk.job import Chunk, Kind
from app.bulk.outbound_rows_store import OUTBOUND
from app.bulk.parked_filter import TIMES
from app.outbound.operator_store import replay_these

if TYPE_CHECKING:
    from collections.abc import Mapping

FAILED, DELIVERED = "failed", "delivered"


async def work(chunk: Chunk) -> Mapping[str, int]:
    """Make those due that are still in one of the states."""
    replayed = await replay_these(chunk.connection, chunk.ids, chunk.filter.states)
    return {"replayed": replayed, "changed_meanwhile": len(chunk.ids) - replayed}


KIND = Kind(
    "replay_outbound",
    Allowed(TIMES | {"endpoint", "states"}, frozenset({"endpoint"}), (FAILED, DELIVERED), (FAILED,), not_in_groups={}),
    OUTBOUND,
    Pace(500),
    per_chunk=500,
    work=work,
)
