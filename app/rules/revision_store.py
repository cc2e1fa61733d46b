"""The rulebooks that were put in force, and the last one that was rejected: what operators read of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.database.engine import busy_when_gone

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import TextClause
    from sqlalchemy.ext.asyncio import AsyncEngine

LIST = text("""
    SELECT number, revision, stored_at, installed_by, accounts FROM rulebooks
    WHERE CAST(:after AS bigint) IS NULL OR number < :after ORDER BY number DESC LIMIT :limit
""")

LIST_ABOVE = text("""
    SELECT number, revision, stored_at, installed_by, accounts FROM rulebooks
    WHERE number > :above ORDER BY number LIMIT :limit
""")

# The same text may have been put in force several times: the last time is the one that is meant.
READ = text("""
    SELECT number, revision, stored_at, installed_by, accounts, documents FROM rulebooks
    WHERE revision = :revision ORDER BY number DESC LIMIT 1
""")

READ_BEFORE = text("""
    SELECT number, revision, stored_at, installed_by, accounts, documents FROM rulebooks
    WHERE number < :number ORDER BY number DESC LIMIT 1
""")

READ_REJECTED = text("SELECT at, rejected_by, origin, mistakes FROM rejected_rules")


class RevisionStore:
    """Reads stored rulebooks. Every method raises Busy while the database cannot be reached."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def page(self, after: int | None, limit: int, *, above: int | None = None) -> Sequence[Mapping[str, Any]]:
        """List rulebooks without their text, the newest first, below the number `after`.

        With `above` it is those next above that number.
        """
        if above is not None:
            return (await self._rows(LIST_ABOVE, above=above, limit=limit))[::-1]
        return await self._rows(LIST, after=after, limit=limit)

    async def one(self, revision: str) -> Mapping[str, Any] | None:
        """Return a rulebook with its text, as it was put in force the last time; None where there is none."""
        return await self._first(READ, revision=revision)

    async def before(self, number: int) -> Mapping[str, Any] | None:
        """Return the rulebook that was in force before the one with this number, None where it is the first."""
        return await self._first(READ_BEFORE, number=number)

    async def rejected(self) -> Mapping[str, Any] | None:
        """Return the last rejection since the rules in force were put there, None where there is none.

        `mistakes` has at most 200 of them, each with file, line, column, message and level.
        """
        return await self._first(READ_REJECTED)

    async def _first(self, statement: TextClause, **values: Any) -> Mapping[str, Any] | None:
        rows = await self._rows(statement, **values)
        return rows[0] if rows else None

    async def _rows(self, statement: TextClause, **values: Any) -> Sequence[Mapping[str, Any]]:
        with busy_when_gone():
            async with self._engine.connect() as connection:
                return [dict(row) for row in (await connection.execute(statement, values)).mappings()]
