"""Connections that nothing uses are closed, those in use stay, and no statement notices."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event, make_url, text

from app.database.engine import connect, open_engine
from app.database.idle import close_once_unused, close_unused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncEngine

BACKEND = text("SELECT pg_backend_pid()")
SESSIONS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


@pytest.fixture
async def impatient(database_url: str) -> AsyncIterator[AsyncEngine]:
    """An engine that closes each connection as soon as it is back in the pool."""
    engine = open_engine(database_url)
    close_unused(engine, seconds=0)
    yield engine
    await engine.dispose()


async def backend(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return int((await connection.execute(BACKEND)).scalar_one())


async def until_sessions(url: str, count: int) -> None:
    observer = await connect(make_url(url))
    while await observer.fetchval(SESSIONS) != count:
        pass
    await observer.close()


async def test_a_connection_that_nothing_uses_is_closed_and_the_next_statement_opens_another(
    impatient: AsyncEngine, database_url: str
) -> None:
    first = await backend(impatient)
    await until_sessions(database_url, 0)
    assert await backend(impatient) != first


async def test_a_connection_in_use_is_never_closed(impatient: AsyncEngine, database_url: str) -> None:
    async with impatient.connect() as connection:
        first = (await connection.execute(BACKEND)).scalar_one()
        await backend(impatient)
        await until_sessions(database_url, 1)
        assert (await connection.execute(BACKEND)).scalar_one() == first


async def test_after_a_burst_the_same_connection_does_the_work(engine: AsyncEngine) -> None:
    opened: list[object] = []
    event.listen(engine.sync_engine, "connect", lambda connection, _: opened.append(connection))
    await asyncio.gather(*(backend(engine) for _ in range(4)))
    assert len({await backend(engine) for _ in range(20)}) == 1
    assert len(opened) == 4


async def test_a_connection_that_the_server_has_ended_is_replaced(engine: AsyncEngine, database_url: str) -> None:
    async with engine.connect() as connection:
        first = (await connection.execute(BACKEND)).scalar_one()
        raw = await connection.get_raw_connection()
        driver = raw.driver_connection
    assert driver is not None
    observer = await connect(make_url(database_url))
    assert await observer.fetchval("SELECT pg_terminate_backend($1, 60000)", first)
    await observer.close()
    while not driver.is_closed():  # noqa: ASYNC110  # only asking tells
        await asyncio.sleep(0)
    assert await backend(engine) != first


async def test_one_connection_is_closed_once_nothing_has_used_it(database_url: str) -> None:
    connection = await connect(make_url(database_url))
    unused = [0.0, 0.0, 0.001, 1.0]
    close_once_unused(connection, lambda: unused.pop(0), seconds=0.01)
    await until_sessions(database_url, 0)
    assert connection.is_closed()
    assert unused == []
