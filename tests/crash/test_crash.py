"""kill -9, frozen workers, lost answers: 0 lost, 0 doubled, counted by what HubSpot received."""

from __future__ import annotations

import asyncio
import signal
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.crash.harness import World, run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
async def world(empty_database: str) -> AsyncIterator[World]:
    async with World(empty_database) as world:
        yield world


async def test_five_kills_lose_nobody_and_double_nobody(world: World) -> None:
    books = await run(world, events=120, kills=5)
    assert len(books.acknowledged) == 120
    assert books.lost == []
    assert books.doubled == []
    assert books.pretended == []
    assert sum(world.kills.values()) == 5


async def test_lost_answers_end_as_enrolled_or_parked_and_never_twice(world: World) -> None:
    await world.control("settings", {"per_10s": 5000, "one_step_seconds": 0.5, "property_lag": 0.3})
    await world.control(
        "faults",
        [
            {"kind": "drop_after", "probability": 0.15, "seed": 3},
            {"kind": "drop_before", "probability": 0.15, "seed": 3},
        ],
    )
    await world.start("serve", "worker")
    await asyncio.gather(*(world.send_event(number, "short" if number % 2 else "long") for number in range(200)))
    await world.until_settled(120)
    books = await world.books()
    dropped = [entry for entry in await world.control("ledger") if entry["outcome"] in {"drop_after", "drop_before"}]
    assert len(dropped) > 40
    assert books.lost == []
    assert books.doubled == []
    assert books.pretended == []
    assert len(books.parked) <= 2


async def test_a_frozen_worker_that_wakes_writes_and_sends_nothing(world: World) -> None:
    await world.control("settings", {"per_10s": 5000, "delay_ms": {"read": 300}})
    await world.start("serve --no-worker", "worker")
    zombie = world.processes[1]
    await asyncio.gather(*(world.send_event(number, "long") for number in range(20)))

    async def in_hand() -> bool:
        held = await world.rows("SELECT count(*) FROM enrollments WHERE state = 'working' AND step = 'assigned'")
        return bool(held[0][0] >= 10)

    await world.until(in_hand, seconds=30, what="the worker to have claimed")
    zombie.send(signal.SIGSTOP)
    await world.start("worker")
    await world.control("settings", {"delay_ms": {}})
    await world.until_settled(60)
    before = await world.rows("SELECT * FROM enrollments ORDER BY id")
    journal = await world.rows("SELECT count(*) FROM journal")
    zombie.send(signal.SIGCONT)

    async def awake() -> bool:
        return "fence_lost" in zombie.log()

    await world.until(awake, seconds=30, what="the zombie to find its work gone")
    books = await world.books()
    assert books.doubled == []
    assert books.lost == []
    assert await world.rows("SELECT * FROM enrollments ORDER BY id") == before
    assert await world.rows("SELECT count(*) FROM journal") == journal


async def test_the_other_worker_takes_over_within_two_leases(empty_database: str) -> None:
    async with World(empty_database, lease=4.0) as world:
        # Slow enough that the first worker still holds everything when the second one is up.
        await world.control("settings", {"per_10s": 5000, "delay_ms": {"upsert": 10_000}})
        await world.start("serve --no-worker", "worker")
        dying = world.processes[1]
        await asyncio.gather(*(world.send_event(number, "long") for number in range(60)))

        async def holds_everything() -> bool:
            return len(await held_by(world, dying.pid)) == 60

        await world.until(holds_everything, seconds=30, what="the worker that will die to hold all work")
        await world.start("worker")
        await world.control("settings", {"delay_ms": {}})
        held = await held_by(world, dying.pid)
        dying.kill()
        world.processes.remove(dying)
        killed_at = (await world.rows("SELECT clock_timestamp()"))[0][0]
        await world.until_settled(60)
        taken = await world.rows("SELECT enrollment_id, at FROM journal WHERE cause = 'lease_expired'")
        books = await world.books()
    assert len(held) == 60
    assert held == {row[0] for row in taken}
    assert max(row[1] for row in taken) - killed_at < timedelta(seconds=2 * world.lease)
    assert books.lost == []
    assert books.doubled == []


async def held_by(world: World, pid: int) -> set[str]:
    statement = "SELECT id FROM enrollments WHERE state = 'working' AND leased_by LIKE :worker"
    return {row[0] for row in await world.rows(statement, worker=f"%:{pid}:%")}
