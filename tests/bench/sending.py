"""Many leads of one sender under HubSpot's window: with the database near, far, slow, and after it stood still."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import httpx
from sqlalchemy import make_url

from tests.bench.load import load
from tests.bench.results import Aim
from tests.support.logs import TOKEN
from tests.support.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.engine import URL

    from tests.bench.results import Results
    from tests.support.world import World

LEADS, WAITING = 300, 700
WINDOW, WINDOW_SECONDS = 190, 10.0
HUBSPOT_MS = 15.0
ONE_WAY_MS = 1.0
COMMIT_MS = 50
FROZEN_SECONDS = 15.0
REPEATS = re.compile(r"^segue_sending_repeats_total\{.*\} (\S+)$", re.MULTILINE)


async def burst(world: World, results: Results, signed: Callable[[int, str, str], bytes], *, name: str) -> None:
    """Enroll 300 leads of one sender with default settings; compare with the time that the window itself needs."""
    delays = dict.fromkeys(("upsert", "read", "enroll"), HUBSPOT_MS)
    await world.control("settings", {"per_10s": WINDOW, "delay_ms": delays})
    await world.start("serve")
    before = (await world.control("calls"))["total"]
    started = time.monotonic()
    accepted = await load(world.port, [signed(number, "long", "burst") for number in range(LEADS)])
    assert set(accepted.statuses) == {200}, accepted.statuses
    await world.until(partial(_all_enrolled, world, LEADS), what="every lead to be enrolled")
    seconds = time.monotonic() - started
    calls = (await world.control("calls"))["total"] - before
    own = calls / WINDOW * WINDOW_SECONDS
    # A window that is empty at the start lets its first calls go at once: the least time is shorter than the rate says.
    shortest = (calls - 1) // WINDOW * WINDOW_SECONDS
    measured = f"{seconds:.1f} s for {calls} calls, at the rate {own:.1f} s, at least {shortest:.0f} s"
    least = Aim("<= 1.15 x", most=1.15)
    results.judge(
        f"{LEADS} leads, one sender, {name}", seconds / own, least, measured=measured, ratio=f"{seconds / own:.2f} x"
    )
    commits = await commits_each(world)
    results.judge(f"`sending` commits each, {name}", commits, Aim("<= 1.2", most=1.2), measured=f"{commits:.2f}")


async def commits_each(world: World) -> float:
    """Return how often `sending` was committed for each lead, repeats included."""
    ((first,),) = await world.rows("SELECT count(*) FROM journal WHERE cause = 'sending'")
    async with httpx.AsyncClient(trust_env=False) as client:
        headers = {"authorization": f"Bearer {TOKEN}"}
        page = (await client.get(f"http://127.0.0.1:{world.port}/metrics", headers=headers)).text
    repeats = sum(float(value) for value in REPEATS.findall(page))
    return (float(first) + repeats) / LEADS


async def frozen(world: World, results: Results, signed: Callable[[int, str, str], bytes]) -> None:
    """Stop the database for 15 s with 700 leads waiting, and look how soon the window is used again."""
    await world.control("settings", {"per_10s": WINDOW, "delay_ms": {"enroll": HUBSPOT_MS}})
    await world.start("serve")
    accepted = await load(world.port, [signed(number, "long", "frozen") for number in range(WAITING)])
    assert set(accepted.statuses) == {200}, accepted.statuses
    await world.until(partial(_all_enrolled, world, 30), what="the first to be enrolled")
    with stopped(await postmaster_of(world)):
        await asyncio.sleep(FROZEN_SECONDS)
    woken = time.time()
    await asyncio.sleep(2 * WINDOW_SECONDS + 1)
    arrivals = [entry["at"] for entry in await world.control("ledger")]
    second = sum(woken + WINDOW_SECONDS <= at < woken + 2 * WINDOW_SECONDS for at in arrivals)
    results.judge(
        f"enrolled in the second 10 s after the database stood still for {FROZEN_SECONDS:.0f} s, of the window",
        second / WINDOW,
        Aim(">= 85 %", least=0.85),
        measured=f"{second} of {WINDOW}",
        ratio=f"{second / WINDOW:.0%}",
    )
    await world.until_settled()
    books = await world.books()
    doubled = sum(count > 1 for count in books.reached.values())
    results.judge("enrolled twice after it stood still", doubled, Aim("0", most=0), measured=str(doubled))


async def _all_enrolled(world: World, count: int) -> bool:
    ((enrolled,),) = await world.rows("SELECT count(*) FROM enrollments WHERE state = 'enrolled'")
    return bool(enrolled >= count)


async def postmaster_of(world: World) -> int:
    """Return the server's first process: every session is a child of it."""
    ((session,),) = await world.rows("SELECT pg_backend_pid()")
    return dict(processes())[session]


def processes() -> list[tuple[int, int]]:
    """Return each process of this machine with its parent."""
    listed = subprocess.run(["ps", "-axo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout  # noqa: S607  # a system tool
    return [(int(pid), int(parent)) for pid, parent in (line.split() for line in listed.splitlines())]


@contextmanager
def stopped(root: int) -> Iterator[None]:
    """Stop a process with its children, as a PostgreSQL server has them, and let them go on."""
    found = [root, *(pid for pid, parent in processes() if parent == root)]
    for pid in found:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in found:
            os.kill(pid, signal.SIGCONT)


@contextmanager
def far_away(url: URL, milliseconds: float) -> Iterator[URL]:
    """Return a URL of the same database, so many milliseconds away in each direction."""
    folder = str(url.query["host"])
    arguments = [sys.executable, "-m", "tests.bench.far_database", f"{folder}/.s.PGSQL.5432", str(milliseconds)]
    proxy = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert proxy.stdout is not None
    port = int(proxy.stdout.readline())
    try:
        yield make_url(url).set(host="127.0.0.1", port=port, query={})
    finally:
        proxy.terminate()
        proxy.wait()
