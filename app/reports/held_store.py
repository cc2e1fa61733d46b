"""How many enrollments of accounts are held, for what, and which these are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.database.engine import busy_when_gone

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

MOST_COUNTED = 10_000
MOST_SHOWN = 10

# An index alone answers it, and reads no more than is counted.
HELD_BY_REASON = text("""
    SELECT reason, count(*) AS count FROM (
        SELECT reason FROM enrollments WHERE account = :account AND state = 'held' LIMIT :most
    ) AS held GROUP BY reason ORDER BY count DESC, reason
""")

COUNT_HELD = text("""
    SELECT count(*) FROM (
        SELECT FROM enrollments WHERE account = :account AND reason = :reason AND state = 'held' LIMIT :most
    ) AS held
""")

# In the order of the index that finds them.
HELD_FIRST = text("""
    SELECT id, email, rule, sender, state, updated_at FROM enrollments
    WHERE account = :account AND reason = :reason AND state = 'held' ORDER BY sender_email, id LIMIT :most
""")


async def held_first(engine: AsyncEngine, account: str, reason: str) -> list[dict[str, Any]]:
    """Return some enrollments of an account that are held for a reason. Raises Busy."""
    values = {"account": account, "reason": reason, "most": MOST_SHOWN}
    with busy_when_gone():
        async with engine.connect() as connection:
            return [dict(row) for row in (await connection.execute(HELD_FIRST, values)).mappings()]


async def held_by_reason(engine: AsyncEngine, account: str) -> list[dict[str, Any]]:
    """Return how many enrollments of an account are held, by reason; 10,000 are counted at most. Raises Busy."""
    with busy_when_gone():
        async with engine.connect() as connection:
            rows = await connection.execute(HELD_BY_REASON, {"account": account, "most": MOST_COUNTED})
            return [dict(row) for row in rows.mappings()]


async def count_held(engine: AsyncEngine, account: str, reason: str) -> int:
    """Return how many enrollments of an account are held for a reason, counted up to 10,001. Raises Busy."""
    values = {"account": account, "reason": reason, "most": MOST_COUNTED + 1}
    with busy_when_gone():
        async with engine.connect() as connection:
            return int((await connection.execute(COUNT_HELD, values)).scalar_one())
