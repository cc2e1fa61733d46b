"""Several processes receive and enroll over one database."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.support.logs import logged

if TYPE_CHECKING:
    from tests.support.world import World


async def test_one_delivery_at_two_replicas_is_one_enrollment(world: World) -> None:
    await world.start("serve")
    first = world.port
    world.port = 0
    await world.start("serve")
    second = world.port
    for number in range(20):
        world.port = first
        one = asyncio.create_task(world.send_event(number, "long"))
        await asyncio.sleep(0)
        world.port = second
        await asyncio.gather(one, world.send_event(number, "long"))
    await world.until_settled()
    assert len(await world.control("ledger")) == 20
    assert (await world.rows("SELECT count(*) FROM enrollments"))[0][0] == 20


async def test_every_process_calls_a_person_the_same(world: World) -> None:
    await world.start("serve --no-worker", "worker")
    await world.send_event(1, "long")
    await world.until_settled()
    (decided,) = await logged(world, "decision.made", 0)
    steps = await logged(world, "enrollment.step", 1, times=5)
    assert {step["person"] for step in steps} == {decided["person"]}
