"""When something came from each source, and when something was rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.database.engine import busy_when_gone

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

BEHIND = "evu"  # behind every id of an event

# Ids sort by time: the last row of each source is the last one in the index of sources. Where it were asked for by
# `source = name ORDER BY id`, PostgreSQL would walk through the ids of all sources, and from end to end for a source
# that has no event. The row before the place where the next source begins may be of another source.
# Events that no rule listens to leave no row.
LAST_OF_SOURCES = text("""
    SELECT wanted.name, received.received_at AS received_at, rejected.received_at AS rejected_at, rejected.status,
           rejected.reason,
           (SELECT count(*) FROM refused_deliveries AS kept WHERE kept.source = wanted.name) AS rejected
    FROM unnest(CAST(:names AS text[])) AS wanted(name)
    LEFT JOIN LATERAL (
        SELECT source, received_at FROM events WHERE (source, id) < (wanted.name, CAST(:behind AS text))
        ORDER BY source DESC, id DESC LIMIT 1
    ) AS received ON received.source = wanted.name
    LEFT JOIN LATERAL (
        SELECT received_at, status, reason FROM refused_deliveries WHERE source = wanted.name ORDER BY id DESC LIMIT 1
    ) AS rejected ON true
""")


async def last_of_sources(engine: AsyncEngine, names: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    """Return of each source its last stored event, its last rejection, and how many of those are kept. Raises Busy."""
    with busy_when_gone():
        async with engine.connect() as connection:
            rows = (await connection.execute(LAST_OF_SOURCES, {"names": list(names), "behind": BEHIND})).mappings()
            return {row["name"]: dict(row) for row in rows}
