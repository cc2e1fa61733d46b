"""Connections without SQLAlchemy, for the statements of the hot path. The statements are the same.

SQLAlchemy's pool and its bridge to asyncio take several times as long as asyncpg alone.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from app.clock import elapsed_seconds
from app.database.engine import IDLE_SECONDS, connect, driver_sql

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from sqlalchemy import TextClause
    from sqlalchemy.engine import URL

KEPT_SECONDS = 30.0  # for which a connection that is not used stays open: each is a process of the server


class DirectConnection:
    """One connection, opened for the first statement and again after a loss.

    `idle_seconds` is how long a transaction may wait for its next statement.
    """

    def __init__(self, url: URL, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._url = url
        self._idle_seconds = idle_seconds
        self._connection: Any = None
        self._in_transaction = False

    async def fetch(self, statement: TextClause, values: Mapping[str, Any]) -> list[Any]:
        """Execute `statement`, outside of `transaction` as one of its own, and return its rows.

        Raises one of DRIVER_TROUBLE; it is then unknown whether the server has executed the statement.
        """
        connection = await self._opened()
        sql, names = driver_sql(statement)
        rows: list[Any] = await connection.fetch(sql, *[values[name] for name in names])
        return rows

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Execute the statements of the block in one transaction, which an error rolls back."""
        connection = await self._opened()
        async with connection.transaction():
            self._in_transaction = True
            try:
                yield
            finally:
                self._in_transaction = False

    async def _opened(self) -> Any:
        # The rest of a transaction whose connection is lost fails: on another connection it would stand alone.
        if not self._in_transaction and (self._connection is None or self._connection.is_closed()):
            self._connection = await connect(self._url, idle_seconds=self._idle_seconds)
        return self._connection

    async def close(self) -> None:
        """Close the connection, where one is open."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close(timeout=2)


class DirectPool:
    """Up to `size` connections. The one that was used last is used first; those that nothing uses are closed."""

    def __init__(self, url: URL, *, size: int, idle_seconds: float = IDLE_SECONDS) -> None:
        self._url = url
        self._idle_seconds = idle_seconds
        self._room = asyncio.Semaphore(size)
        self._free: list[tuple[float, DirectConnection]] = []

    async def fetch(self, statement: TextClause, values: Mapping[str, Any]) -> list[Any]:
        """Execute `statement` as a transaction of its own; return its rows. Raises one of DRIVER_TROUBLE."""
        async with self._connection() as connection:
            return await connection.fetch(statement, values)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[DirectConnection]:
        """Yield a connection with a transaction, which an error rolls back."""
        async with self._connection() as connection, connection.transaction():
            yield connection

    async def close(self) -> None:
        """Close all connections that are not in use."""
        free, self._free = self._free, []
        for _, connection in free:
            await connection.close()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[DirectConnection]:
        async with self._room:
            connection = self._free.pop()[1] if self._free else self._new()
            try:
                yield connection
            finally:
                self._free.append((elapsed_seconds(), connection))
                await self._close_unused()

    def _new(self) -> DirectConnection:
        return DirectConnection(self._url, idle_seconds=self._idle_seconds)

    async def _close_unused(self) -> None:
        """Close the connection that has been unused for the longest, if that is too long."""
        since, connection = self._free[0]
        if elapsed_seconds() - since > KEPT_SECONDS:
            self._free.pop(0)
            await connection.close()
