"""What came is counted, also where the service is killed, and what it counted in memory is written when it ends."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.world import World

ACCEPTED = "SELECT COALESCE(sum(n), 0) FROM tally_counters WHERE result = 'accepted'"
ENROLLED = "SELECT COALESCE(sum(n), 0) FROM tallies WHERE stage = 'enrolled'"


async def test_deliveries_and_enrollments_are_counted_over_stops_and_crashes(world: World) -> None:
    async def counted(what: str, n: int) -> bool:
        return int((await world.rows(what))[0][0]) == n

    await world.start("serve")
    await world.send_event(0, "long")
    world.processes.pop().end(signal.SIGTERM)
    assert await counted(ACCEPTED, 1)
    await world.start("serve")
    await world.send_event(1, "long")
    await world.until(lambda: counted(ACCEPTED, 2), what="the totals of the second run")
    await world.until_settled()
    world.kill_all("counted")
    await world.start("serve")
    assert await counted(ACCEPTED, 2)
    await world.until(lambda: counted(ENROLLED, 2), what="the enrollments in their hour")
