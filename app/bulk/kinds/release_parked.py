"""Release parked enrollments: their cause is solved, and each is tried again with what its rule said then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.bulk.job import Chunk, Kind
from app.bulk.parked_filter import RELEASABLE, RELEASING
from app.bulk.rows_store import ENROLLMENTS
from app.enrollments.operator_store import release_these

if TYPE_CHECKING:
    from collections.abc import Mapping


async def work(chunk: Chunk) -> Mapping[str, int]:
    """Release those that are still parked, one after the other."""
    released = await release_these(chunk.connection, chunk.ids, job=chunk.job_id)
    return {"released": released, "not_parked_any_more": len(chunk.ids) - released}


KIND = Kind("release_parked", RELEASABLE, ENROLLMENTS, RELEASING, per_chunk=100, work=work)
