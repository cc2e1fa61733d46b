"""How many enrollments of an account are held, and for what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.database.engine import busy_when_gone

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

MOST_COUNTED = 10_000

# An index alone answers it, and reads no more than is counted.
HELD_BY_REASON = text("""
    SELECT reason, count(*) AS count FROM (
        SELECT reason FROM enrollments WHERE account = :account AND state = 'held' LIMIT :most
    ) AS held GROUP BY reason ORDER BY count DESC, reason
""")


async def held_by_reason(engine: AsyncEngine, account: str) -> list[dict[str, Any]]:
    """Return how many enrollments of an account are held, by reason; 10,000 are counted at most. Raises Busy."""
    with busy_when_gone():
        async with engine.connect() as connection:
            rows = await connection.execute(HELD_BY_REASON, {"account": account, "most": MOST_COUNTED})
            return [dict(row) for row in rows.mappings()]
