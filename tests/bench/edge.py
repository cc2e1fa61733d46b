"""The edge: a source that behaves, beside clients that mean ill, and beside a flood while the database stands still.

Figures of time are compared with those of the same source in the same run, before the attacks.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Self

from app.model import Secret, SourceConfig
from app.sources import PROVIDERS
from tests.bench.results import Aim
from tests.bench.usage import cpu_seconds, family, pss_megabytes
from tests.bench.worlds import fresh_world, posted, write_rules
from tests.support.processes import ROOT
from tests.support.world import LONG, SECRET

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from app.database.embedded import EmbeddedPostgres
    from tests.bench.results import Results
    from tests.support.world import World

QUIET_SECONDS, ATTACK_SECONDS, FROZEN_SECONDS = 20, 60, 16
EACH_SECONDS = 0.1
PATIENCE_SECONDS = 30
SAMPLE_SECONDS = 1.0
MEMORY = Aim("< 400 MiB", most=400)
OTHER = "whsec_YmFjay1tYWRlLXVwLXNlY3JldC1vZi1vdXJz"
RULES = f"""
version: 1
accounts: {{main: {{token: "${{SEGUE_HUBSPOT_TOKEN}}"}}}}
sources:
  crm: {{provider: standard-webhooks, secrets: ["{SECRET}"]}}
  flood: {{provider: standard-webhooks, secrets: ["{OTHER}"]}}
senders:
  anna: {{user_id: "7001", email: anna@acme.example}}
rules:
  - {{id: good, source: crm, type: long, enroll: {{sequence: "{LONG}", sender: anna}}}}
  - {{id: flood, source: flood, type: long, enroll: {{sequence: "{LONG}", sender: anna}}}}
"""
STANDARD = PROVIDERS["standard-webhooks"]
GOOD, FLOOD = (
    SourceConfig(name, STANDARD.name, (Secret(secret),), STANDARD.Options())
    for name, secret in (("crm", SECRET), ("flood", OTHER))
)


@dataclass
class Sender:
    """A source that behaves: ten events a second, each on a connection of its own, again after 503."""

    port: int
    numbers: Iterator[int] = field(default_factory=count)
    accepted: set[str] = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    async def send_for(self, seconds: float) -> None:
        """Send for so long, and wait for the answers."""
        begun, sending = time.monotonic(), []
        while time.monotonic() - begun < seconds:
            sending.append(asyncio.create_task(self._send(next(self.numbers))))
            await asyncio.sleep(EACH_SECONDS)
        await asyncio.gather(*sending)

    async def _send(self, number: int) -> None:
        email = f"good{number}@bench.example"
        body = json.dumps({"type": "long", "data": {"email": email, "first_name": "Ada", "note": "x" * 700}}).encode()
        while email not in self.accepted:
            begun = time.perf_counter()
            status = await answered(self.port, posted(body, GOOD))
            self.statuses[status] += 1
            if status == 200:
                self.seconds.append(time.perf_counter() - begun)
                self.accepted.add(email)
            else:
                await asyncio.sleep(1)

    def percentile(self, share: float) -> float:
        """Return the time within which so many were accepted, in milliseconds."""
        times = sorted(self.seconds)
        return 1000 * times[min(len(times) - 1, int(share * len(times)))]


async def answered(port: int, request: bytes) -> int:
    """Return the status that is answered, 0 where no answer comes."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request.replace(b"Host:", b"Connection: close\r\nHost:", 1))
            answer = await reader.read()
            writer.close()
    except (OSError, TimeoutError):
        return 0
    return int(answer[9:12] or 0)


class Watch:
    """Samples the memory of a service, all its processes together, and whether it says that it lives."""

    def __init__(self, world: World) -> None:
        self._pid = world.processes[0].pid
        self._port = world.port
        self.most = 0.0
        self.health: Counter[int] = Counter()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._sample())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _sample(self) -> None:
        while True:
            self.most = max(self.most, pss_megabytes([self._pid]))
            self.health[await answered(self._port, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")] += 1
            await asyncio.sleep(SAMPLE_SECONDS)


async def edge(server: EmbeddedPostgres, results: Results) -> None:
    """Attack for a minute, then flood a database that stands still; judge memory, answers and what was lost."""
    async with fresh_world(server, "edge") as world:
        write_rules(world, RULES)
        await world.start("serve")
        sender = Sender(world.port)
        await sender.send_for(3)
        sender.seconds.clear()
        async with Watch(world) as quiet:
            await sender.send_for(QUIET_SECONDS)
        before = [sender.percentile(share) for share in (0.5, 0.99)]
        results.tell("undisturbed: most memory, p50, p99", f"{quiet.most:.0f} MiB, {before[0]:.0f}, {before[1]:.0f} ms")
        await _attacked(world, sender, before[1], results)
        await _flooded(world, sender, results)
        kept = {row[0] for row in await world.rows("SELECT email FROM events WHERE source = 'crm'")}
        results.judge("accepted events that are lost", len(sender.accepted - kept), Aim("0", most=0))


async def _attacked(world: World, sender: Sender, before: float, results: Results) -> None:
    sender.statuses.clear()
    sender.seconds.clear()
    arguments = ["-m", "tests.bench.attacks", str(world.port), str(ATTACK_SECONDS)]
    attackers = await asyncio.create_subprocess_exec(sys.executable, *arguments, cwd=ROOT)
    spent = cpu_seconds([world.processes[0].pid])
    async with Watch(world) as watch:
        await sender.send_for(ATTACK_SECONDS)
    spent = cpu_seconds([world.processes[0].pid]) - spent
    await attackers.wait()
    results.tell("attacked: processor time of the service", f"{spent:.0f} s in {ATTACK_SECONDS} s")
    wrong = sum(sender.statuses.values()) - sender.statuses[200]
    median, slow = statistics.median(sender.seconds) * 1000, sender.percentile(0.99)
    results.judge("attacked: most memory of the service", watch.most, MEMORY, measured=f"{watch.most:.0f} MiB")
    least = Aim("<= 5 x", most=5)
    results.judge("attacked: p99", slow / before, least, measured=f"{slow:.0f} ms", ratio=f"{slow / before:.1f} x")
    results.tell("attacked: p50", f"{median:.0f} ms")
    results.judge("attacked: answers but 200", wrong, Aim("0", most=0), measured=str(dict(sender.statuses)))
    results.tell("attacked: requests refused, as logged", str(dict(_refused(world))))
    results.judge("attacked: health unanswered", _unwell(watch), Aim("0", most=0), measured=str(dict(watch.health)))


def _refused(world: World) -> Counter[str]:
    """Return how many lines of the log tell of a refused request, by reason."""
    lines = [line for line in world.processes[0].log().splitlines() if '"request.refused"' in line]
    return Counter(json.loads(line)["reason"] for line in lines)


def _unwell(watch: Watch) -> int:
    return sum(watch.health.values()) - watch.health[200]


async def _flooded(world: World, sender: Sender, results: Results) -> None:
    """Send bodies of 70,000 small objects while the database stands still; the other source goes on."""
    sender.statuses.clear()
    statuses: Counter[int] = Counter()
    bodies = asyncio.create_task(_flood(world.port, statuses))
    await asyncio.sleep(0)
    async with Watch(world) as watch:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(sender.send_for(FROZEN_SECONDS + 4))
            async for _ in _frozen(world):
                await asyncio.sleep(FROZEN_SECONDS)
        await bodies
    results.judge("database frozen: most memory of the service", watch.most, MEMORY, measured=f"{watch.most:.0f} MiB")
    results.judge(
        "database frozen: health unanswered", _unwell(watch), Aim("0", most=0), measured=str(dict(watch.health))
    )
    odd = sum(number for status, number in sender.statuses.items() if status not in {200, 503})
    results.judge(
        "database frozen: answers but 200 and 503", odd, Aim("0", most=0), measured=str(dict(sender.statuses))
    )
    results.tell("database frozen: answers to the flood", str(dict(statuses)))


async def _flood(port: int, statuses: Counter[int]) -> None:
    """Send what takes sixteen times as much once it is parsed, eight at a time."""
    objects = [{"a": 1}] * 70_000
    requests = []
    for number in range(80):
        data = {"email": f"flood{number}@bench.example", "all": objects}
        requests.append(posted(json.dumps({"type": "long", "data": data}).encode(), FLOOD))

    async def some() -> None:
        while requests:
            statuses[await answered(port, requests.pop())] += 1

    await asyncio.gather(*(some() for _ in range(60)))


async def _frozen(world: World) -> AsyncIterator[None]:
    """Stop the backends of the world's database while the block runs."""
    rows: list[Any] = await world.rows("SELECT pg_backend_pid()")
    postmaster = int(open(f"/proc/{rows[0][0]}/stat").read().rpartition(")")[2].split()[1])  # noqa: ASYNC230, PTH123, SIM115
    stopped = [pid for pid in family(postmaster) if pid != postmaster]
    for pid in [postmaster, *stopped]:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in [postmaster, *stopped]:
            os.kill(pid, signal.SIGCONT)
