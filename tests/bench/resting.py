"""What the service with a database of its own takes while it has nothing to do, and how soon it starts."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from app.database.idle import UNUSED_SECONDS
from tests.bench.enrolling import NO_LIMIT, until_enrolled
from tests.bench.load import load
from tests.bench.results import at_most
from tests.bench.usage import cpu_seconds, pss_megabytes
from tests.bench.worlds import share, signed
from tests.support.world import private_world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from app.database.embedded import EmbeddedPostgres
    from tests.bench.results import Results
    from tests.support.world import World

IDLE_SECONDS = 20.0
SPARE_SECONDS = 15.0
EVENTS = 2000
STARTS = 3


async def memory(_: EmbeddedPostgres, results: Results) -> None:
    """Measure the memory and the processor time of an idle service, and its memory after a load."""
    async with _private_world() as (world, folder):
        share(world)
        await world.control("settings", NO_LIMIT)
        await world.start("serve")
        await asyncio.sleep(
            UNUSED_SECONDS + SPARE_SECONDS
        )  # until the connections that only the start needs are closed
        postmaster = int((folder / "data/postgres/postmaster.pid").read_text().split()[0])
        everything = [world.processes[0].pid, postmaster]
        idle = _memory(everything, postmaster)
        before = cpu_seconds(everything)
        await asyncio.sleep(IDLE_SECONDS)
        busy = (cpu_seconds(everything) - before) / IDLE_SECONDS * 1000
        accepted = await load(world.port, [signed(number, "shared", "load") for number in range(EVENTS)])
        assert set(accepted.statuses) == {200}, accepted.statuses
        await until_enrolled(world, EVENTS)
        loaded = _memory(everything, postmaster)
    for what, (total, parts), aim in (
        ("memory idle, with PostgreSQL", idle, at_most(130, 100, unit="MB")),
        (f"memory after {EVENTS} enrollments", loaded, at_most(200, 160, unit="MB")),
    ):
        results.judge(what, total, aim, measured=f"{total:.0f} MB", ratio=parts)
    results.judge("CPU idle", busy, at_most(5, 2, unit="ms/s"), measured=f"{busy:.1f} ms/s")


async def startup(_: EmbeddedPostgres, results: Results) -> None:
    """Measure the time from the start of the process to its listening, with a new database and an old one."""
    new, old = list[float](), list[float]()
    async with _private_world() as (world, folder):
        for number in range(STARTS):
            world.environment["SEGUE_DATA_DIR"] = str(folder / f"data{number}")
            new.append(await _seconds_to_start(world))
            old.append(await _seconds_to_start(world))
    for what, seconds, aim in (("a new", new, 3.0), ("an existing", old, 1.5)):
        took = statistics.median(seconds)
        results.judge(f"start with {what} data directory", took, at_most(aim, unit="s"), measured=f"{took:.2f} s")


async def _seconds_to_start(world: World) -> float:
    begun = time.monotonic()
    await world.start("serve")
    took = time.monotonic() - begun
    world.processes.pop().end()
    return took


def _memory(everything: list[int], postmaster: int) -> tuple[float, str]:
    """Return the megabytes of all processes, and the shares of the service and of PostgreSQL."""
    total, postgres = pss_megabytes(everything), pss_megabytes([postmaster])
    return total, f"{total - postgres:.0f} + {postgres:.0f} MB"


@asynccontextmanager
async def _private_world() -> AsyncIterator[tuple[World, Path]]:
    short = "/tmp"  # noqa: S108  # socket paths must be short
    with tempfile.TemporaryDirectory(prefix="segue-", dir=short, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # noqa: ASYNC240  # nothing else runs on this loop
        world = private_world(folder / "data")
        world.lease, world.settle = 15.0, 90.0
        async with world:
            # An installed service has its bytecode. Without it each start compiles all modules, which takes memory.
            world.environment["PYTHONDONTWRITEBYTECODE"] = ""
            yield world, folder
