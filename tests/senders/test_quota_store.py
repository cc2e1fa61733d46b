"""When places in an inbox fall free."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from app.senders.pause_store import SenderPauseStore
from app.senders.quota_store import PERIOD, next_free
from tests.support.direct import direct
from tests.support.road import BOOK

if TYPE_CHECKING:
    from app.model import Enrollment
    from tests.conftest import MakeEntry
    from tests.support.road import Road


async def claim(road: Road, make_entry: MakeEntry) -> Enrollment:
    await road.accept(make_entry("e1"))
    (claimed,) = await road.enrollments.claim_ready(1)
    return claimed


async def free_at(road: Road, enrollment: Enrollment, *, limit: int) -> datetime:
    async with direct(road.engine).transaction() as connection:
        return await next_free(connection, enrollment, BOOK.senders["anna"], limit=limit)


async def test_a_place_that_fell_free_meanwhile_is_free_now(road: Road, make_entry: MakeEntry) -> None:
    claimed = await claim(road, make_entry)
    ((before,),) = await road.run("SELECT clock_timestamp()")
    assert before <= await free_at(road, claimed, limit=1)
    ((after,),) = await road.run("SELECT clock_timestamp()")
    assert await free_at(road, claimed, limit=1) >= after


async def test_under_a_lower_cap_places_fall_free_later(road: Road, make_entry: MakeEntry) -> None:
    await road.fill("anna", *(timedelta(hours=hours) for hours in (3, 2, 1)))
    claimed = await claim(road, make_entry)
    rows = await road.run("SELECT reserved_at FROM sender_reservations ORDER BY 1")
    assert [await free_at(road, claimed, limit=limit) for limit in (3, 2, 1)] == [at + PERIOD for (at,) in rows]


async def test_a_place_is_kept_for_longer_than_a_request_may_travel(road: Road) -> None:
    day = timedelta(hours=24)
    await road.fill("ben", day + timedelta(seconds=80), day + timedelta(minutes=3))
    inbox = "main", "ben@acme.example"
    ben = (await SenderPauseStore(road.engine).inboxes([inbox]))[inbox]
    assert ben.reserved == 1
