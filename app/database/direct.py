"""A connection without SQLAlchemy, for the one statement that every delivery waits for.

SQLAlchemy's pool and its bridge to asyncio would take most of the time of a small batch. The statements are the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.database.engine import connect, driver_sql

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import TextClause
    from sqlalchemy.engine import URL


class DirectConnection:
    """One connection in autocommit, opened for the first statement and again after a loss."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._connection: Any = None

    async def fetch(self, statement: TextClause, values: Mapping[str, Any]) -> list[Any]:
        """Execute `statement` and return its rows.

        Raises one of DRIVER_TROUBLE; it is then unknown whether the server has executed the statement.
        """
        if self._connection is None or self._connection.is_closed():
            self._connection = await connect(self._url)
        sql, names = driver_sql(statement)
        rows: list[Any] = await self._connection.fetch(sql, *[values[name] for name in names])
        return rows

    async def close(self) -> None:
        """Close the connection, where one is open."""
        if self._connection is not None:
            await self._connection.close(timeout=2)
