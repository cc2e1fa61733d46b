"""ENROLL: what an enrollment costs, one by one and in a backlog, and how long it takes."""

from __future__ import annotations

import asyncio
import math
import statistics
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import make_url

from app.database.engine import connect
from tests.bench.load import load
from tests.bench.meter import REPORTED_SECONDS, metered
from tests.bench.results import at_most
from tests.bench.sending import stopped
from tests.bench.worlds import fresh_world, signed
from tests.support.processes import WATCHDOG_SECONDS

if TYPE_CHECKING:
    from app.database.embedded import EmbeddedPostgres
    from tests.bench.meter import Spent
    from tests.bench.results import Aim, Results
    from tests.support.world import World

NO_LIMIT = {"per_10s": 5000}
WARM = 20
PER_SECOND, SECONDS = 20, 10
ALONE_PER_SECOND = 5
# One sender may send 1,000 in 24 hours, and some are sent first, so that nothing is read for the first time.
BACKLOG = 1000 - WARM
IDLE_SECONDS = 10.0
LATENCY_EVENTS = 100
BARE_COMMITS = 2  # for each event
QUIET_SECONDS = 0.1
DISK_MS = 4  # what a commit takes on a usual disk: PostgreSQL waits so long before each (`commit_delay`)


async def enrolling(server: EmbeddedPostgres, results: Results) -> None:
    """Enroll at a steady rate, far apart; what an idle service spends in the same time is taken off."""
    async with fresh_world(server, "enrolling") as world, metered(server, world) as meter:
        await world.control("settings", NO_LIMIT)
        await world.start("serve")
        await _steadily(world, WARM, PER_SECOND, "warm")
        await asyncio.sleep(REPORTED_SECONDS)
        begun = await meter.read()
        await asyncio.sleep(IDLE_SECONDS)
        idle = (rested := await meter.read()) - begun
        await _steadily(world, ALONE_PER_SECOND * SECONDS, ALONE_PER_SECOND, "alone")
        await asyncio.sleep(REPORTED_SECONDS)
        alone = (reported := await meter.read()) - rested
        await _steadily(world, PER_SECOND * SECONDS, PER_SECOND, "steady")
        steady = await meter.read() - reported
    each = steady.without(idle).each(PER_SECOND * SECONDS)
    _judge_cpu(f"at {PER_SECOND} a second", each, at_most(12, 7, unit="ms"), results)
    each = alone.without(idle).each(ALONE_PER_SECOND * SECONDS)
    _judge_transactions(f"at {ALONE_PER_SECOND} a second", each, at_most(5, 4, unit=""), results)
    _judge_connections(f"at {PER_SECOND} a second", steady.each(PER_SECOND * SECONDS), results)


async def backlog(server: EmbeddedPostgres, results: Results) -> None:
    """Accept many while the worker is stopped, then let it go on."""
    async with fresh_world(server, "backlog") as world, metered(server, world) as meter:
        await world.control("settings", NO_LIMIT)
        await world.start("serve --no-worker", "worker")
        receiver, worker = world.processes
        await _steadily(world, WARM, PER_SECOND, "warm")
        await asyncio.sleep(REPORTED_SECONDS)
        begun = await meter.read()
        await asyncio.sleep(IDLE_SECONDS)
        idle = await meter.read() - begun
        with stopped(worker.pid):
            accepted = await load(world.port, [signed(number, "long", "backlog") for number in range(BACKLOG)])
            assert set(accepted.statuses) == {200}, accepted.statuses
            receiver.end()  # a session reports its transactions at its end, too
            world.processes.remove(receiver)
            before = await meter.read()
        await until_enrolled(world, WARM + BACKLOG)
        spent = await meter.read() - before
        await asyncio.sleep(REPORTED_SECONDS)
        reported = await meter.read() - before
    name = f"in a backlog of {BACKLOG + WARM}"
    each = spent.without(idle).each(BACKLOG)
    _judge_cpu(name, each, at_most(8, 5, unit="ms"), results)
    _judge_transactions(name, reported.without(idle).each(BACKLOG), at_most(1.5, 0.5, unit=""), results)
    _judge_connections(name, spent.each(BACKLOG), results)
    results.tell(f"enrolled a second, {name}", f"{BACKLOG / spent.seconds:.0f}")


async def latency(server: EmbeddedPostgres, results: Results) -> None:
    """Measure the way to the enroll request on this disk, and where each commit waits for 4 ms as on a usual one."""
    for name, commit_ms in (("", 0), (f", {DISK_MS} ms more a commit", DISK_MS)):
        await _latency(server, results, name, commit_ms)


async def _latency(server: EmbeddedPostgres, results: Results, name: str, commit_ms: int) -> None:
    """Measure from the POST to the sandbox's receipt of the enroll request, in bare commits of the same time."""
    async with fresh_world(server, f"latency_{commit_ms}", commit_ms=commit_ms) as world:
        await world.control("settings", NO_LIMIT)
        await world.start("serve")
        await _steadily(world, WARM, PER_SECOND, "warm")
        connection = await connect(make_url(world.database_url))
        await connection.execute("CREATE TABLE bare_commits (number integer)")
        sent, commits = dict[str, float](), list[float]()
        for number in range(LATENCY_EVENTS):
            begun = time.time()
            sent[f"slow{number}@bench.example"] = begun
            await load(world.port, [signed(number, "long", "slow")], connections=1)
            await asyncio.sleep(QUIET_SECONDS)
            commits += [await _bare_commit(connection, number) for _ in range(BARE_COMMITS)]
            await asyncio.sleep(max(0.0, 1 / ALONE_PER_SECOND - (time.time() - begun)))
        await until_enrolled(world, WARM + LATENCY_EVENTS)
        await connection.close()
        ledger = await world.control("ledger")
    took = sorted(entry["at"] - sent[entry["email"]] for entry in ledger if entry["email"] in sent)
    commit = statistics.median(commits)
    results.tell(f"an insert and its commit, p50{name}", f"{commit * 1000:.2f} ms")
    for percentile, share, aim in (("p50", 0.5, at_most(6, 4)), ("p99", 0.99, at_most(10, 8))):
        seconds = took[math.ceil(len(took) * share) - 1]
        results.judge(
            f"POST to enroll request, {percentile}{name}, of that",
            seconds / commit,
            aim,
            measured=f"{seconds * 1000:.1f} ms",
            ratio=f"{seconds / commit:.1f} x",
        )


async def _bare_commit(connection: Any, number: int) -> float:
    begun = time.perf_counter()
    await connection.execute("INSERT INTO bare_commits VALUES ($1)", number)
    return time.perf_counter() - begun


async def _steadily(world: World, count: int, per_second: float, word: str) -> None:
    """Send so many events a second, and wait until all are enrolled."""
    enrolled = await _enrolled(world)
    begun = time.monotonic()
    for number in range(count):
        await load(world.port, [signed(number, "long", word)], connections=1)
        await asyncio.sleep(max(0.0, (number + 1) / per_second - (time.monotonic() - begun)))
    await until_enrolled(world, enrolled + count)


async def _enrolled(world: World) -> int:
    answers = (await world.control("calls"))["routes"].get("enroll", {})
    assert answers.keys() <= {"200"}, answers
    return sum(answers.values())


async def until_enrolled(world: World, count: int) -> None:
    """Wait until the sandbox has seen so many enroll requests, and their answers are recorded."""
    async with asyncio.timeout(WATCHDOG_SECONDS):
        while await _enrolled(world) < count:  # noqa: ASYNC110  # only asking tells
            await asyncio.sleep(0.2)
    await asyncio.sleep(0.3)


def _judge_cpu(name: str, each: Spent, aim: Aim, results: Results) -> None:
    parts = f"{each.service * 1000:.1f} + {each.postgres * 1000:.1f} ms"
    results.judge(f"CPU an enrollment, {name}", each.cpu * 1000, aim, measured=f"{each.cpu * 1000:.1f} ms", ratio=parts)


def _judge_transactions(name: str, each: Spent, aim: Aim, results: Results) -> None:
    measured = f"{each.commits:.2f} commits, {each.rollbacks:.2f} rollbacks"
    results.judge(f"transactions an enrollment, {name}", each.commits + each.rollbacks, aim, measured=measured)


def _judge_connections(name: str, each: Spent, results: Results) -> None:
    count = each.connections * 1000
    what = f"new connections to HubSpot for 1,000 enrollments, {name}"
    results.judge(what, count, at_most(20, unit=""), measured=f"{count:.0f}")
