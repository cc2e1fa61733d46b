"""Direct connections: kept and reused, never more than allowed, and rolled back where a block raises."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import make_url, text

from app.database.direct import DirectConnection, DirectPool
from app.database.engine import DRIVER_TROUBLE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BACKEND = text("SELECT pg_backend_pid() AS pid")
PUT = text("INSERT INTO installation (name, value) VALUES (:name, :value)")
NAMES = text("SELECT name FROM installation WHERE name LIKE 'put%' ORDER BY name")


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[DirectPool]:
    pool = DirectPool(make_url(database_url), size=2)
    yield pool
    await pool.close()


async def names(pool: DirectPool) -> list[str]:
    return [row["name"] for row in await pool.fetch(NAMES, {})]


async def test_a_connection_is_used_again(pool: DirectPool) -> None:
    assert len({(await pool.fetch(BACKEND, {}))[0]["pid"] for _ in range(5)}) == 1


async def test_no_more_connections_are_open_than_the_pool_may_have(pool: DirectPool) -> None:
    rows = await asyncio.gather(*(pool.fetch(BACKEND, {}) for _ in range(20)))
    assert len({row["pid"] for (row,) in rows}) <= 2


async def put(pool: DirectPool, name: str, error: Exception | None = None) -> None:
    async with pool.transaction() as connection:
        await connection.fetch(PUT, {"name": name, "value": b""})
        if error is not None:
            raise error


async def test_a_block_that_raises_leaves_nothing_and_its_connection_goes_on(pool: DirectPool) -> None:
    with pytest.raises(LookupError):
        await put(pool, "put 1", LookupError("in the middle"))
    await put(pool, "put 2")
    assert await names(pool) == ["put 2"]


async def test_a_block_that_is_cancelled_leaves_nothing(pool: DirectPool) -> None:
    written = asyncio.Event()

    async def block() -> None:
        async with pool.transaction() as connection:
            await connection.fetch(PUT, {"name": "put 1", "value": b""})
            written.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(block())
    await written.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await names(pool) == []


async def test_a_connection_that_the_server_has_ended_is_opened_anew(pool: DirectPool) -> None:
    (before,) = await pool.fetch(BACKEND, {})
    await end(pool, before["pid"])
    with suppress(*DRIVER_TROUBLE):  # until the end of the session is noticed
        await pool.fetch(BACKEND, {})
    assert (await pool.fetch(BACKEND, {}))[0]["pid"] != before["pid"]


async def test_what_is_left_of_a_transaction_whose_connection_is_lost_is_not_executed(pool: DirectPool) -> None:
    async def half() -> None:
        async with pool.transaction() as connection:
            (mine,) = await connection.fetch(BACKEND, {})
            noticed = asyncio.Event()
            connection._connection.add_termination_listener(lambda _: noticed.set())
            await end(pool, mine["pid"])
            await noticed.wait()
            await connection.fetch(PUT, {"name": "put 1", "value": b""})

    with pytest.raises(DRIVER_TROUBLE):
        await half()
    assert await names(pool) == []


@pytest.mark.parametrize("turns", range(1, 12))
async def test_a_transaction_that_is_cancelled_at_any_turn_holds_nothing_that_follows(
    pool: DirectPool, turns: int
) -> None:
    await pool.fetch(BACKEND, {})  # the connection is open
    task = asyncio.create_task(put(pool, "put 1"))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await put(pool, "put 2")
    await pool.fetch(PUT, {"name": "put 3", "value": b""})
    other = DirectPool(pool._url, size=1)
    assert set(await names(other)) - {"put 1"} == {"put 2", "put 3"}
    await other.close()


async def end(pool: DirectPool, pid: int) -> None:
    """End a session, by another one."""
    other = DirectConnection(pool._url)
    await other.fetch(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    await other.close()
