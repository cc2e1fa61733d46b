"""The database goes away under a running service."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.world import World


async def test_the_store_goes_away_and_comes_back(world: World) -> None:
    await world.start("serve")
    await world.send_event(1, "long")
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = "
    await world.rows(others + "current_database()")
    await asyncio.gather(*(world.send_event(number, "long") for number in range(2, 30)))
    await world.until_settled()
    books = await world.books()
    assert len(books.acknowledged) == 29
    assert books.lost == []
    assert books.doubled == []
