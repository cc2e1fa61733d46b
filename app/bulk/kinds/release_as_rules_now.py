"""Release parked enrollments as the rules are now: their events are decided again, and replace them by what follows."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from app.bulk.job import Chunk, Kind
from app.bulk.parked_filter import RELEASABLE, RELEASING
from app.bulk.rows_store import ENROLLMENTS
from app.intake.release import release_as_rules_now

if TYPE_CHECKING:
    from collections.abc import Mapping


async def work(chunk: Chunk) -> Mapping[str, int]:
    """Decide the event of each again. One of which the rules ask nothing now, or that stands, stays parked."""
    redecider, outcomes = await chunk.redecider(chunk.connection), Counter[str]()
    for id_ in chunk.ids:
        released = await release_as_rules_now(redecider, id_, by=chunk.job_id)
        outcomes["replaced" if released.enrollment_id else "not_replaced"] += 1
    return outcomes


KIND = Kind("release_as_rules_now", RELEASABLE, ENROLLMENTS, RELEASING, per_chunk=50, work=work)
