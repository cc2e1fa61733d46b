"""How large the tables are, by PostgreSQL's own account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncEngine

# Indexes and what is stored out of line are included. The catalogue is read, and no table.
TABLE_SIZES = text("""
    SELECT relname AS name, pg_total_relation_size(oid) AS bytes FROM pg_class
    WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
""")


async def table_sizes(engine: AsyncEngine) -> Mapping[str, int]:
    """Return the bytes that each table takes on disk, its indexes included."""
    async with engine.connect() as connection:
        return {row.name: row.bytes for row in await connection.execute(TABLE_SIZES)}
