"""How much of HubSpot's window is used: beside receiving at full load, and by ten accounts at once."""

from __future__ import annotations

import time
from asyncio import sleep
from typing import TYPE_CHECKING

from tests.bench.load import load
from tests.bench.meter import metered
from tests.bench.results import at_least
from tests.bench.worlds import fresh_world, signed, write_rules
from tests.support.world import LONG, RULES, SECRET

if TYPE_CHECKING:
    from app.database.embedded import EmbeddedPostgres
    from tests.bench.results import Results

WINDOW, WINDOW_SECONDS, WINDOWS = 190, 10, 2
# A window that is empty lets its first calls go at once: it is looked at from the second one on.
SECONDS = (1 + WINDOWS) * WINDOW_SECONDS
MOST_EVENTS = 200_000  # more than are answered in that time
FOUR = """  ben: {user_id: "7002", email: ben@acme.example}
  eve: {user_id: "7005", email: eve@acme.example}
  finn: {user_id: "7006", email: finn@acme.example}
pools: {all: {senders: [anna, ben, eve, finn]}}
rules:
"""
ACCOUNTS = [f"a{number}" for number in range(10)]
EVENTS_EACH = SECONDS * WINDOW // WINDOW_SECONDS + 30
RULE = '  - {{id: {0}, source: crm, type: {0}, account: {0}, enroll: {{sequence: "{1}", sender: anna}}}}'
TEN = "\n".join(
    [
        "version: 1",
        "accounts:",
        *(f"  {name}: {{token: pat-sandbox-{name}}}" for name in ACCOUNTS),
        f"sources: {{crm: {{provider: standard-webhooks, secrets: [{SECRET}]}}}}",
        'senders: {anna: {user_id: "7001", email: anna@acme.example}}',
        "rules:",
        *(RULE.format(name, LONG) for name in ACCOUNTS),
    ]
)


async def together(server: EmbeddedPostgres, results: Results) -> None:
    """Receive as much as the machine can, all of it to be enrolled, and look at what is sent meanwhile."""
    requests = [signed(number, "long", "flood") for number in range(MOST_EVENTS)]
    shared = RULES.replace("rules:\n", FOUR).replace("sender: anna", "sender: all")
    for name, rules in (("one sender", RULES), ("four senders", shared)):
        await _together(server, results, requests, name, rules)


async def _together(server: EmbeddedPostgres, results: Results, requests: list[bytes], name: str, rules: str) -> None:
    sandbox = "tests.bench.four_senders"
    async with fresh_world(server, name.replace(" ", "_"), sandbox=sandbox) as world, metered(server, world) as meter:
        write_rules(world, rules)
        await world.start("serve")
        before, begun = await meter.read(), time.time()
        measured = await load(world.port, requests, at_most_seconds=SECONDS)
        spent = await meter.read() - before
        calls = await world.control("calls")
        world.kill_all("measured")  # it would finish what it has in hand first
    assert measured.statuses.keys() <= {200, 503}, measured.statuses
    assert measured.seconds >= SECONDS, "the load ended early"
    used = _used(calls["arrivals"], begun)
    what = f"window used while receiving at full load, {name}"
    enrolled = sum(calls["routes"].get("enroll", {}).values())
    words = (
        f"{measured.per_second:.0f} received/s, {enrolled / measured.seconds:.1f} enrolled/s, "
        f"{spent.cpu / spent.seconds:.1f} cores, {spent.connections:.0f} connections"
    )
    results.judge(what, used, at_least(0.9, 0.95), measured=words, ratio=f"{used:.0%}")


async def accounts(server: EmbeddedPostgres, results: Results) -> None:
    """Give each of ten accounts more than its window admits, and look at each window."""
    async with fresh_world(server, "accounts") as world, metered(server, world) as meter:
        write_rules(world, TEN)
        await world.start("serve")
        requests = [signed(n, name, name) for n in range(EVENTS_EACH) for name in ACCOUNTS]
        before, begun = await meter.read(), time.time()
        accepted = await load(world.port, requests)
        assert set(accepted.statuses) == {200}, accepted.statuses
        await sleep(begun + SECONDS - time.time())
        spent = await meter.read() - before
        used = {name: _used((await world.control(f"calls?portal={name}"))["arrivals"], begun) for name in ACCOUNTS}
        world.kill_all("measured")
    worst, mean = min(used.values()), sum(used.values()) / len(used)
    cores = f"{mean:.0%} on average, {spent.cpu / spent.seconds:.1f} cores"
    what = f"window used of the account with the least, of {len(ACCOUNTS)} at once"
    results.judge(what, worst, at_least(0.9), measured=cores, ratio=f"{worst:.0%}")


def _used(arrivals: list[float], begun: float) -> float:
    """Return the share of what the windows admit that arrived in them."""
    first = begun + WINDOW_SECONDS
    return sum(first <= at < first + WINDOWS * WINDOW_SECONDS for at in arrivals) / (WINDOWS * WINDOW)
