"""What every page of the console shows around its content, in one statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from app.database.engine import busy_when_gone

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncEngine

# The index on the state counts the parked ones, and stops one beyond the cap.
RAIL = text("""
    SELECT
        (SELECT count(*) FROM (SELECT 1 FROM enrollments WHERE state = 'parked' LIMIT 10001) AS counted) AS parked,
        (SELECT stored_at FROM rulebooks ORDER BY number DESC LIMIT 1) AS in_force_since,
        (SELECT timezone FROM hubspot_accounts WHERE timezone IS NOT NULL ORDER BY account LIMIT 1) AS zone
""")


@dataclass(frozen=True, slots=True)
class RailRow:
    """How many are parked, 10,001 for more; since when the rules are in force; the first account's time zone."""

    parked: int
    in_force_since: datetime | None
    zone: str | None


async def read_rail(engine: AsyncEngine) -> RailRow:
    """Read it. Raises Busy while the database does not answer."""
    with busy_when_gone():
        async with engine.connect() as connection:
            return RailRow(**(await connection.execute(RAIL)).mappings().one())
