"""A follower waits until something is due, and a hint of another process wakes it however long that is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from app.database.listen import HINTS_READY, IDLE_POLL_SECONDS, Notifications
from app.followup.hint_store import HintStore
from app.jobs import Loop
from app.sources.base import Hint

if TYPE_CHECKING:
    from tests.followup.conftest import Follow


async def test_a_follower_waits_until_its_next_search_is_due(follow: Follow, make_entry: Any) -> None:
    assert await follow.follower().follow() == IDLE_POLL_SECONDS
    await follow.enrolled(make_entry)
    follower = follow.follower(seconds=60.0)
    assert await follower.follow() is None
    assert follow.asked() == ["search"]
    assert await follower.follow() == IDLE_POLL_SECONDS
    async with follow.road.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE follow_turns SET search_at = clock_timestamp() + interval '20 s'")
    seconds = await follower.follow()
    assert seconds is not None
    assert 0 < seconds <= 20
    assert follow.asked() == ["search"]


async def test_a_hint_that_another_process_writes_wakes_the_follower(follow: Follow, make_entry: Any) -> None:
    await follow.enrolled(make_entry)
    await follow.turn()
    follower, asleep = follow.follower(), asyncio.Semaphore(0)

    async def once() -> float | None:
        seconds = await follower.follow()
        if seconds is None:
            return None
        asleep.release()
        return 3600.0

    loop = Loop(once, every=3600.0, store_trouble="following.store_trouble", defect="following.defect")
    notifications = Notifications(follow.road.engine.url, {HINTS_READY: lambda _: loop.wake()})
    hints = HintStore(follow.road.engine)
    ((contact,),) = await follow.road.run("SELECT contact_id FROM enrollments")
    async with asyncio.timeout(300):
        loop.start()
        await asleep.acquire()
        notifications.start()
        await asleep.acquire()  # The connection listens, and the loop has slept and run once more.
        hints.start()
        hints.keep(["main"], [Hint("", contact)])
        while not await follow.road.run("SELECT 1 FROM enrollments WHERE looks > 0"):
            pass
    await hints.close()
    await loop.stop(finish=True)
    await notifications.close()
    assert follow.asked() == ["search", "read"]
