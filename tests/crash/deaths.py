"""Where processes are killed, and runs that kill them there again and again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from tests.support.world import PARTS, Books, World

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence


DEATHS = tuple(frozenset(parts) for count in range(1, 5) for parts in combinations(PARTS, count))


@dataclass(frozen=True)
class Point:
    """A place to kill at: sandbox settings that widen it, and the condition that says it is reached."""

    name: str
    settings: Mapping[str, Any]
    reached: Callable[[World], Awaitable[bool]]


async def _preparing(world: World) -> bool:
    steps = "SELECT count(*) FROM enrollments WHERE state = 'working' AND step IN ('claimed', 'assigned', 'prepared')"
    return bool((await world.rows(steps))[0][0])


async def _sending(world: World) -> bool:
    sending = await world.rows("SELECT email FROM enrollments WHERE state = 'working' AND step = 'sending'")
    done = {entry["email"] for entry in await world.control("ledger") if entry["processed"]}
    return any(row[0] not in done for row in sending)


async def _processed(world: World) -> bool:
    sending = await world.rows("SELECT email FROM enrollments WHERE state = 'working' AND step = 'sending'")
    done = {entry["email"] for entry in await world.control("ledger") if entry["processed"]}
    return any(row[0] in done for row in sending)


async def _unrecorded(world: World) -> bool:
    """Hold the row's lock, so that HubSpot's answer is in the worker's hand and its record is not committed."""
    async with world.engine.begin() as connection:
        locked = await connection.execute(
            text("SELECT email FROM enrollments WHERE state = 'working' AND step = 'sending' FOR UPDATE SKIP LOCKED")
        )
        held = set(locked.scalars())
        if not held:
            return False
        for _ in range(100):
            done = {entry["email"] for entry in await world.control("ledger") if entry["processed"]}
            waiting = await world.rows("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            if held & done and waiting[0][0]:
                world.kill_all("before the record")
                return True
            await asyncio.sleep(0.01)
    return False


QUICK: dict[str, Any] = {"delay_ms": {}, "delay_after_ms": {}}
POINTS = (
    Point("before sending", QUICK | {"delay_ms": {"upsert": 150, "read": 100}}, _preparing),
    Point("after sending", QUICK | {"delay_ms": {"enroll": 200}}, _sending),
    Point("after HubSpot processed", QUICK | {"delay_after_ms": {"enroll": 200}}, _processed),
    Point("before the record", QUICK | {"delay_ms": {"enroll": 100}}, _unrecorded),
)


async def run(world: World, *, events: int, kills: int) -> Books:
    """Send `events` (half of them into one-step sequences) while `kills` kills come, each at the next kind of point.

    Events come in portions, one before each kill: there is always work in hand to be killed in.
    """
    await world.control("settings", {"per_10s": 5000, "one_step_seconds": 1.0, "property_lag": 0.3})
    await world.start("serve", "worker")
    portions = [range(n * events // (kills + 1), (n + 1) * events // (kills + 1)) for n in range(kills + 1)]
    sending: list[asyncio.Task[str]] = []
    for number, portion in enumerate(portions[:-1]):
        point = POINTS[number % len(POINTS)]
        await world.control("settings", dict(point.settings))
        sending += _send_all(world, portion)
        await world.until(partial(point.reached, world), what=point.name)
        if point.name != "before the record":
            world.kill_all(point.name)
        await world.start("serve", "worker")
    await world.control("settings", QUICK)
    sending += _send_all(world, portions[-1])
    await asyncio.gather(*sending)
    await world.until_settled()
    return await world.books()


async def run_with_deaths(world: World, *, events: int, deaths: Sequence[frozenset[str]]) -> Books:
    """Send `events` while the parts of Segue die together, the private database among them; start again each time."""
    await world.control("settings", {"per_10s": 5000, "one_step_seconds": 1.0, "property_lag": 0.3})
    await world.start("serve", "worker")
    sending: list[asyncio.Task[str]] = []
    for number, parts in enumerate(deaths):
        await world.control("settings", QUICK | {"delay_ms": {"enroll": 200}})
        sending += _send_all(world, range(number * events // len(deaths), (number + 1) * events // len(deaths)))
        await world.until(partial(_sending, world), what="requests that are under way")
        await world.kill_parts(parts)
        await world.start_missing()
    await world.control("settings", QUICK)
    await asyncio.gather(*sending)
    await world.until_settled()
    return await world.books()


def _send_all(world: World, numbers: range) -> list[asyncio.Task[str]]:
    return [asyncio.create_task(world.send_event(number, "short" if number % 2 else "long")) for number in numbers]
