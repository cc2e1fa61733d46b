"""`make bench`: ratios against a baseline of the same run, medians of five. The figures differ by machine.

An aim that is missed fails the run: ratios, counts of calls and refusals, the processor time of a command's start, and
the use of HubSpot's window, which asks for some 20 requests a second of a machine that has nothing else to do. Times
of the road have aims for a machine of two cores; latency is counted in bare commits of the same run.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from app.database.embedded import EmbeddedPostgres
from tests.bench import road, sending
from tests.bench.console import console
from tests.bench.edge import edge
from tests.bench.load import load
from tests.bench.results import Aim, Results
from tests.bench.rules import deciding_ratio, longest_stall
from tests.bench.sources import costs
from tests.bench.start import starts
from tests.bench.worlds import database, fresh_world, share, signed, world_on

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.world import World

ROUNDS = 5
BULK = 2000
WINDOW = 190
WINDOW_SECONDS = 10


async def bulk(world: World, results: Results, *, replicas: int = 1) -> None:
    """Enroll many at once under HubSpot's window: how many calls, how much of the window, and was it ever exceeded?"""
    share(world)
    await world.control("settings", {"per_10s": WINDOW, "delay_ms": {"upsert": 100, "read": 100, "enroll": 100}})
    await world.start("serve", *["worker"] * (replicas - 1))
    # What a replica asks as it starts is no part of the bulk: the window is looked at from the bulk's first request on.
    before = len((await world.control("calls"))["arrivals"])
    started = time.monotonic()
    accepted = await load(world.port, [signed(number, "shared", "bulk") for number in range(BULK)])
    assert set(accepted.statuses) == {200}, accepted.statuses
    await world.until_settled()
    seconds = time.monotonic() - started
    await world.until(partial(_confirmed, world), what="every enrollment to be read back")
    calls = await world.control("calls")
    ((enrolled,),) = await world.rows("SELECT count(*) FROM enrollments WHERE state = 'enrolled'")
    name = f"{replicas} replica{'s' * (replicas > 1)}"
    all_of_them = Aim(f"all {BULK}", least=BULK, most=BULK)
    measured = f"{enrolled} in {seconds:.0f} s"
    results.judge(f"enrolled under {WINDOW} per 10 s, {name}", enrolled, all_of_them, measured=measured)
    other = ", ".join(f"{sum(each.values())} {route}" for route, each in calls["routes"].items() if route != "enroll")
    results.tell(f"HubSpot calls beside enrolling, {name}", other)
    each, used = calls["total"] / BULK, window_used(calls["arrivals"][before:])
    results.judge(f"HubSpot calls per enrollment, {name}", each, Aim("<= 1.05", most=1.05), measured=f"{each:.3f}")
    results.judge(f"of the window used in 60 s, {name}", used, Aim(">= 90 %", least=0.9), ratio=f"{used:.1%}")
    refused = calls["refused_by_limit"]
    results.judge(f"429s, {name}", refused, Aim("0", most=0), measured=str(refused))


async def _confirmed(world: World) -> bool:
    ((left,),) = await world.rows("SELECT count(*) FROM enrollments WHERE confirm_at IS NOT NULL")
    return bool(left == 0)


def window_used(arrivals: Sequence[float]) -> float:
    """Return the share of what the window admits that arrived in the 60 s after the first window's length."""
    begins = arrivals[0] + WINDOW_SECONDS
    return sum(begins <= at < begins + 6 * WINDOW_SECONDS for at in arrivals) / (6 * WINDOW)


async def rules(results: Results) -> None:
    """Compare deciding with 10,000 rules and with 10, and watch the event loop while 10,000 are loaded."""
    ratio, microseconds = deciding_ratio()
    results.judge(
        "deciding one event with 10,000 rules",
        ratio,
        Aim("<= 1.5 x", most=1.5),
        measured=f"{microseconds:.0f} us",
        ratio=f"{ratio:.2f} x of 10 rules",
    )
    results.tell("longest stall of the event loop while they load", f"{await longest_stall() * 1000:.0f} ms")


async def measure(server: EmbeddedPostgres, parts: Sequence[str], results: Results) -> None:
    """Run the parts that were asked for."""
    if "start" in parts:
        starts(results)
    await road.measure(server, [name for name in road.PARTS if name in parts or "road" in parts], results)
    measures: dict[str, Any] = {
        "bulk": bulk,
        "replicas": partial(bulk, replicas=3),
        "frozen": partial(sending.frozen, signed=signed),
    }
    for name in (name for name in measures if name in parts):
        async with fresh_world(server, name) as world:
            await measures[name](world, results)
    if "sending" in parts:
        await _sending(server, results)
    if "console" in parts:
        await console(server, results)
    if "edge" in parts:
        await edge(server, results)
    if "sources" in parts:
        costs(results)
    if "rules" in parts:
        await rules(results)


async def _sending(server: EmbeddedPostgres, results: Results) -> None:
    """Send with the database near, far and slow."""
    burst = partial(sending.burst, results=results, signed=signed)
    async with fresh_world(server, "near") as world:
        await burst(world, name="database near")
    with sending.far_away(await database(server, "far"), sending.ONE_WAY_MS) as url:
        async with world_on(url) as world:
            await burst(world, name=f"database {sending.ONE_WAY_MS:.0f} ms away each way")
    async with world_on(await database(server, "slow", commit_ms=sending.COMMIT_MS)) as world:
        await burst(world, name=f"{sending.COMMIT_MS} ms a commit")


def main() -> None:
    """Measure everything, or the parts named on the command line.

    The exit code is 1 where an aim was missed.
    """
    everything = ["start", "road", "bulk", "replicas", "sending", "frozen", "edge", "rules", "sources"]
    parts = sys.argv[1:] or everything
    known = [*everything, *road.PARTS, "road", "console"]
    if unknown := sorted({*parts} - {*known}):
        sys.exit(f"no such part: {', '.join(unknown)}; there are {', '.join(known)}")
    results = Results(f"medians of {ROUNDS} where repeated; read the ratios")
    short = "/tmp"  # noqa: S108  # socket paths must be short
    # The processes that it has started shall end with it, and what was measured shall be shown.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="segue-", dir=short, ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedPostgres.open(Path(folder) / "data")
        try:
            asyncio.run(measure(server, parts, results))
        finally:
            server.close()
            code = results.show(Console(width=110))  # what was measured before a part failed, too
    sys.exit(code)


if __name__ == "__main__":
    main()
