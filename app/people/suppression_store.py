"""The suppression list that operators edit over the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.database.engine import busy_when_gone

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.people.suppression import Suppression

# A pattern is also stored in the syntax of LIKE: its stars match any text, and LIKE's special characters are escaped. A
# row that this statement has inserted has no `xmax`; a row that existed before has been locked by it and has one.
ADD = text(r"""
    INSERT INTO suppressions AS kept (kind, value, fits, reason, created_at)
    VALUES (:kind, :value,
            CASE WHEN :kind = 'pattern' THEN regexp_replace(regexp_replace(:value, '([\\%_])', '\\\1', 'g'),
                                                            '\*+', '%', 'g') END,
            :reason, clock_timestamp())
    ON CONFLICT (value) DO UPDATE SET reason = COALESCE(excluded.reason, kept.reason)
    RETURNING kind, value, reason, created_at, xmax = 0 AS added
""")

REMOVE = text("DELETE FROM suppressions WHERE value = :value RETURNING kind")

LIST = text("""
    SELECT kind, value, reason, created_at FROM suppressions
    WHERE CAST(:after AS text) IS NULL OR value > :after ORDER BY value LIMIT :limit
""")


class SuppressionStore:
    """The list in PostgreSQL, shared by all replicas and all accounts."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def add(self, entry: Suppression, reason: str | None) -> Mapping[str, Any]:
        """Store an entry; an existing one stays, with the newer reason. Return the row, and whether it is `added`."""
        values = {"kind": str(entry.kind), "value": entry.value, "reason": reason}
        with busy_when_gone():
            async with self._engine.begin() as connection:
                return dict((await connection.execute(ADD, values)).mappings().one())

    async def remove(self, value: str) -> str | None:
        """Remove the entry `value`; return its kind, None where there is none."""
        with busy_when_gone():
            async with self._engine.begin() as connection:
                kind: str | None = (await connection.execute(REMOVE, {"value": value})).scalar_one_or_none()
                return kind

    async def page(self, after: str | None, limit: int) -> Sequence[Mapping[str, Any]]:
        """Return up to `limit` entries in the order of their values, from the one after `after`."""
        with busy_when_gone():
            async with self._engine.connect() as connection:
                rows = await connection.execute(LIST, {"after": after, "limit": limit})
                return [dict(row) for row in rows.mappings()]
