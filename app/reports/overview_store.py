"""How things stand at this moment, for the overview: what waits, what is in hand, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from app.database.engine import busy_when_gone

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

# Each count stops one beyond the cap, in an index.
STANDING = text("""
    SELECT
        (SELECT count(*) FROM (SELECT 1 FROM enrollments WHERE state = 'held' LIMIT 10001) AS a) AS held,
        (SELECT count(*) FROM (SELECT 1 FROM enrollments WHERE state = 'ready' LIMIT 10001) AS b) AS ready,
        (SELECT count(*) FROM (SELECT 1 FROM enrollments WHERE state = 'working' LIMIT 10001) AS c) AS working,
        (SELECT count(*) FROM (SELECT 1 FROM enrollments WHERE state = 'uncertain' LIMIT 10001) AS d) AS uncertain,
        (SELECT COALESCE(EXTRACT(epoch FROM clock_timestamp() - min(due_at)), 0) FROM enrollments
         WHERE state IN ('ready', 'uncertain') AND due_at <= statement_timestamp()) AS overdue
""")


@dataclass(frozen=True, slots=True)
class Standing:
    """How many enrollments wait, are in hand, and are uncertain (10,001 for more), and for how long one is due (s)."""

    held: int
    ready: int
    working: int
    uncertain: int
    overdue: float


async def read_standing(engine: AsyncEngine) -> Standing:
    """Read it. Raises Busy while the database does not answer."""
    with busy_when_gone():
        async with engine.connect() as connection:
            return Standing(**(await connection.execute(STANDING)).mappings().one())
