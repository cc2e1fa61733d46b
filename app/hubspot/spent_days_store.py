"""The accounts whose day HubSpot calls spent: one replica learns it, and all replicas show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from app.database.engine import busy_when_gone
from app.hubspot.windows import DAILY, GENERAL

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

READ_SPENT_DAYS = text("""
    SELECT account FROM rate_windows
    WHERE kind = :kind AND blocked_by = :code AND blocked_until > clock_timestamp()
""")


async def accounts_with_spent_days(engine: AsyncEngine) -> frozenset[str]:
    """Return the accounts that have no request left until their day ends. Raises Busy."""
    with busy_when_gone():
        async with engine.connect() as connection:
            rows = await connection.execute(READ_SPENT_DAYS, {"kind": GENERAL, "code": DAILY})
            return frozenset(row.account for row in rows)
