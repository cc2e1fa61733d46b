"""RECEIVE: what an event costs, beside echoes of the same body that check, decide and store nothing."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pydantic import SecretStr

from app.model import Secret, SourceConfig
from app.sources.providers.segment import SegmentOptions
from tests.bench.load import load
from tests.bench.meter import metered
from tests.bench.results import at_least, at_most
from tests.bench.usage import cpu_seconds
from tests.bench.worlds import fresh_world, posted, signed, write_rules
from tests.support.processes import ROOT
from tests.support.world import LONG

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.database.embedded import EmbeddedPostgres
    from tests.bench.results import Results

ROUNDS = 5
REQUESTS = 3000
WARM = 300
DELIVERIES, MEMBERS = 30, 100
TOKEN_HEADER, TOKEN, SEGMENT_SECRET = "x-token", "a second secret, made up", "segment_made_up"
SEGMENT_RULES = f"""
version: 1
accounts: {{main: {{token: "${{SEGUE_HUBSPOT_TOKEN}}"}}}}
sources:
  site:
    provider: segment
    secrets: ["{SEGMENT_SECRET}"]
    tokens: ["{TOKEN}"]
    token_header: {TOKEN_HEADER}
senders:
  anna: {{user_id: "7001", email: anna@acme.example}}
rules:
  - {{id: long, source: site, type: track, enroll: {{sequence: "{LONG}", sender: anna}}}}
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of processor time an event, and events a second."""

    server: float
    postgres: float
    per_second: float


@dataclass(frozen=True, slots=True)
class Target:
    """A server that is measured: its port, its process, and how its requests are made, from a unique word."""

    port: int
    process: int
    requests: Callable[[str], list[bytes]]
    events: int


async def receiving(server: EmbeddedPostgres, results: Results) -> None:
    """Compare events that no rule listens to, and stored ones, with the echoes."""
    with ExitStack() as stack:
        echo, bare = (_echo(stack, *arguments) for arguments in ((), ("--asgi",)))
        async with fresh_world(server, "receiving") as world, metered(server, world) as meter:
            await world.start("serve --no-worker")
            service = (world.port, world.processes[0].pid)
            targets = {
                "echo": Target(*echo, partial(_events, "long"), REQUESTS),
                "bare": Target(*bare, partial(_events, "long"), REQUESTS),
                "unheard": Target(*service, partial(_events, "unheard"), REQUESTS),
                "stored": Target(*service, partial(_events, "long"), REQUESTS),
            }
            costs = await _interleaved(targets, meter.postmaster)
    _tell(costs, results)


async def bodies(server: EmbeddedPostgres, results: Results) -> None:
    """Compare the events of deliveries that hold 100 with events that come alone."""
    async with fresh_world(server, "bodies") as world, metered(server, world) as meter:
        write_rules(world, SEGMENT_RULES)
        await world.start("serve --no-worker")
        service = (world.port, world.processes[0].pid)
        targets = {}
        for name, kind in (("stored matching", "track"), ("unheard", "page")):
            targets[f"{name} alone"] = Target(*service, partial(_alone, kind), REQUESTS // 2)
            targets[name] = Target(*service, partial(_batches, kind), DELIVERIES * MEMBERS)
        costs = await _interleaved(targets, meter.postmaster)
    for name in ("stored matching", "unheard"):
        single, each = costs[f"{name} alone"], costs[name]
        results.judge(
            f"{name} event, one of {MEMBERS} in a delivery: server CPU, of one alone",
            share := _ratio(each, single, "server"),
            at_most(0.25),
            measured=f"{_microseconds(each, 'server')} of {_microseconds(single, 'server')}",
            ratio=f"{share:.2f} x",
        )


def _tell(costs: dict[str, list[Cost]], results: Results) -> None:
    echo = costs["echo"]
    for name, what in (("echo", "FastAPI echo"), ("bare", "ASGI echo")):
        ratio = f"{_ratio(costs[name], echo, 'server'):.2f} x"
        rate = f"{_median(costs[name], 'per_second'):.0f} requests/s"
        results.tell(f"{what}: CPU a request", f"{_microseconds(costs[name], 'server')}, {rate}", ratio)
    judged = (
        ("unheard", "server", "unheard event: server CPU", at_most(0.8, 0.6)),
        ("stored", "server", "stored matching event: server CPU", at_most(1.2, 1.0)),
        ("stored", "postgres", "stored matching event: PostgreSQL CPU", at_most(0.8, 0.6)),
    )
    for name, figure, what, aim in judged:
        ratio = statistics.median(
            getattr(ours, figure) / theirs.server for ours, theirs in zip(costs[name], echo, strict=True)
        )
        results.judge(what, ratio, aim, measured=_microseconds(costs[name], figure), ratio=f"{ratio:.2f} x")
    for name, what, aim in (
        ("unheard", "unheard events", at_least(0.75)),
        ("stored", "stored matching events", at_least(0.75, 0.9)),
    ):
        share = _ratio(costs[name], echo, "per_second")
        rate = f"{_median(costs[name], 'per_second'):.0f} requests/s"
        results.judge(what, share, aim, measured=rate, ratio=f"{share:.0%}")


async def _interleaved(targets: dict[str, Target], postmaster: int) -> dict[str, list[Cost]]:
    """Measure each target in turn, again and again, so that what else the machine does meets all of them."""
    for target in targets.values():
        await load(target.port, target.requests("warm")[:WARM])
    costs: dict[str, list[Cost]] = {name: [] for name in targets}
    for number in range(ROUNDS):
        for name, target in targets.items():
            costs[name].append(await _cost(target, f"{name.replace(' ', '')}{number}x", postmaster))
    return costs


async def _cost(target: Target, word: str, postmaster: int) -> Cost:
    requests = target.requests(word)
    before = cpu_seconds([target.process]), cpu_seconds([postmaster])
    measured = await load(target.port, requests)
    after = cpu_seconds([target.process]), cpu_seconds([postmaster])
    assert set(measured.statuses) == {200}, measured.statuses
    server, postgres = ((end - begin) / target.events for begin, end in zip(before, after, strict=True))
    return Cost(server, postgres, measured.per_second)


def _echo(stack: ExitStack, *arguments: str) -> tuple[int, int]:
    """Start an echo that ends with `stack`; return its port and its process."""
    echo = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.echo", *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    stack.callback(echo.wait)
    stack.callback(echo.terminate)
    assert echo.stdout is not None
    return int(echo.stdout.readline()), echo.pid


def _events(kind: str, word: str) -> list[bytes]:
    return [signed(number, kind, word) for number in range(REQUESTS)]


def _alone(kind: str, word: str) -> list[bytes]:
    return [posted(json.dumps(_call(kind, word, n)).encode(), SITE) for n in range(REQUESTS // 2)]


def _batches(kind: str, word: str) -> list[bytes]:
    return [
        posted(json.dumps([_call(kind, word, first * MEMBERS + n) for n in range(MEMBERS)]).encode(), SITE)
        for first in range(DELIVERIES)
    ]


def _call(kind: str, word: str, number: int) -> dict[str, object]:
    """Return one call of about 900 bytes, as Segment sends it."""
    return {
        "messageId": f"{word}{number}",
        "type": kind,
        "event": "Trial Started",
        "userId": f"u{number}",
        "timestamp": "2026-11-28T12:00:00.250Z",
        "context": {"traits": {"email": f"{word}{number}@bench.example", "firstName": "Ada"}},
        "properties": {"plan": "pro", "seats": 1, "note": "x" * 650},
    }


def _segment() -> SourceConfig:
    options = SegmentOptions(tokens=[SecretStr(TOKEN)], token_header=TOKEN_HEADER)
    return SourceConfig("site", "segment", (Secret(SEGMENT_SECRET),), options)


SITE = _segment()


def _ratio(ours: Sequence[Cost], theirs: Sequence[Cost], figure: str) -> float:
    """Return the median of the rounds' ratios."""
    pairs = zip(ours, theirs, strict=True)
    return float(statistics.median(getattr(one, figure) / getattr(other, figure) for one, other in pairs))


def _median(costs: Sequence[Cost], figure: str) -> float:
    return float(statistics.median(getattr(cost, figure) for cost in costs))


def _microseconds(costs: Sequence[Cost], figure: str) -> str:
    return f"{_median(costs, figure) * 1e6:.0f} us"
