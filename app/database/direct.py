"""Connections without SQLAlchemy, for the statements of the hot path. The statements are the same.

SQLAlchemy's pool and its bridge to asyncio take several times as long as asyncpg alone.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from app.clock import elapsed_seconds
from app.database.engine import IDLE_SECONDS, connect, driver_sql
from app.database.idle import close_once_unused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from sqlalchemy import TextClause
    from sqlalchemy.engine import URL


class DirectConnection:
    """One connection, opened for the first statement and again after a loss. It is closed while nothing uses it.

    `idle_seconds` is how long a transaction may wait for its next statement.
    """

    def __init__(self, url: URL, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._url = url
        self._idle_seconds = idle_seconds
        self._connection: Any = None
        self._in_transaction = False
        self._used = 0.0

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
        transaction = connection.transaction()
        with _closed_on_error(connection):
            await transaction.start()
        self._in_transaction = True
        try:
            yield
        except BaseException:
            with _closed_on_error(connection):
                await transaction.rollback()
            raise
        else:
            with _closed_on_error(connection):
                await transaction.commit()
        finally:
            self._in_transaction = False

    async def _opened(self) -> Any:
        self._used = elapsed_seconds()
        # The rest of a transaction whose connection is lost fails: on another connection it would stand alone.
        if not self._in_transaction and (self._connection is None or self._connection.is_closed()):
            self._connection = await connect(self._url, idle_seconds=self._idle_seconds)
            close_once_unused(self._connection, lambda: elapsed_seconds() - self._used)
        return self._connection

    async def close(self) -> None:
        """Close the connection, where one is open."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close(timeout=2)


@contextmanager
def _closed_on_error(connection: Any) -> Iterator[None]:
    """Close the connection where the block, which begins or ends a transaction, is cancelled, times out or fails.

    The server may have begun a transaction of which asyncpg does not know, or not have ended one. What the next user of
    the connection writes would be part of it, and would never be committed.
    """
    try:
        yield
    except BaseException:
        connection.terminate()
        raise


class DirectPool:
    """Up to `size` connections. The one that was used last is used first; those that nothing uses are closed."""

    def __init__(self, url: URL, *, size: int, idle_seconds: float = IDLE_SECONDS) -> None:
        self._url = url
        self._idle_seconds = idle_seconds
        self._room = asyncio.Semaphore(size)
        self._free: list[DirectConnection] = []

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
        for connection in free:
            await connection.close()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[DirectConnection]:
        async with self._room:
            connection = self._free.pop() if self._free else self._new()
            try:
                yield connection
            finally:
                self._free.append(connection)

    def _new(self) -> DirectConnection:
        return DirectConnection(self._url, idle_seconds=self._idle_seconds)
