"""The operator stops a service that has work in hand."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.world import World


async def test_a_shutdown_finishes_what_is_in_hand(world: World) -> None:
    await world.control("settings", {"delay_ms": {"enroll": 700}})
    await world.start("serve")
    await asyncio.gather(*(world.send_event(number, "long") for number in range(10)))

    async def sending() -> bool:
        rows = await world.rows("SELECT count(*) FROM enrollments WHERE step = 'sending'")
        return bool(rows[0][0] > 0)

    await world.until(sending, what="requests on their way to HubSpot")
    world.processes.pop().end(signal.SIGTERM)
    states = await world.rows("SELECT state, count(*) FROM enrollments GROUP BY state")
    assert {row[0] for row in states} <= {"enrolled", "ready"}
    sent = [entry["email"] for entry in await world.control("ledger")]
    enrolled = await world.rows("SELECT email FROM enrollments WHERE state = 'enrolled'")
    assert sorted(sent) == sorted(row[0] for row in enrolled)
