"""Real processes to be killed: a sandbox, a service, a worker, clients that resend, and the books to compare."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.database.embedded.postmaster import process_name
from app.database.engine import open_engine
from app.model import Secret, SourceConfig
from app.sources import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

ROOT = Path(__file__).parents[2]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WATCHDOG_SECONDS = 300  # far more than a busy machine takes; events end a wait, and this only ends a test that hangs
LONG, SHORT = "310001", "310003"  # three steps; one step, over within a minute
RULES = f"""
version: 1
accounts: {{main: {{token: "${{SEGUE_HUBSPOT_TOKEN}}"}}}}
sources: {{crm: {{provider: standard-webhooks, secrets: ["{SECRET}"]}}}}
senders:
  anna: {{user_id: "7001", email: anna@acme.example}}
rules:
  - {{id: long, source: crm, type: long, enroll: {{sequence: "{LONG}", sender: anna}}}}
  - {{id: short, source: crm, type: short, enroll: {{sequence: "{SHORT}", sender: anna}}}}
"""

DOING = """
    SELECT pid, pg_blocking_pids(pid), state, wait_event, clock_timestamp() - state_change AS since, left(query, 80)
    FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


class Process:
    """One child process whose first interesting line says that it is up."""

    def __init__(
        self,
        arguments: list[str],
        environment: Mapping[str, str],
        up: str,
        *,
        program: str = sys.executable,
        folder: Path = ROOT,
    ) -> None:
        self._output = tempfile.NamedTemporaryFile(prefix="segue-crash-", suffix=".log")  # noqa: SIM115  # closed in `end`
        self._child = subprocess.Popen(
            [program, *arguments],
            cwd=folder,
            env={**os.environ, **environment},
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )
        self.arguments = arguments
        self._up = re.compile(up)
        self.found: re.Match[str] | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

    @property
    def part(self) -> str:
        """Which part of Segue it is."""
        return "service" if "serve" in self.arguments else "worker"

    def log(self) -> str:
        """Return what it has said."""
        return Path(self._output.name).read_text(encoding="utf-8", errors="replace")

    async def wait_until_up(self) -> re.Match[str]:
        """Wait for its first interesting line."""
        async with asyncio.timeout(WATCHDOG_SECONDS):
            while self.found is None:
                assert self._child.poll() is None, self.log()[-3000:]
                self.found = self._up.search(self.log())
                await asyncio.sleep(0.02)
        return self.found

    async def wait_for(self, told: str) -> None:
        """Wait until it has said this."""
        async with asyncio.timeout(WATCHDOG_SECONDS):
            while told not in self.log():
                assert self._child.poll() is None, self.log()[-3000:]
                await asyncio.sleep(0.02)

    def send(self, number: int) -> None:
        """Send it a signal."""
        self._child.send_signal(number)

    def kill(self) -> None:
        """Kill it, -9."""
        self.end(signal.SIGKILL)

    def end(self, number: int = signal.SIGTERM) -> None:
        """End it and wait for it."""
        if self._child.poll() is None:
            self._child.send_signal(number)
        self._child.wait(timeout=WATCHDOG_SECONDS)
        self._output.close()


@dataclass
class World:
    """Everything one run has: processes that come and go, and a database and a sandbox that stay.

    With a `data_dir` the database is the private one of the service there, and is killed, too.
    """

    database_url: str
    data_dir: Path | None = None
    lease: float = 1.0
    settle: float = 3.0
    stack: ExitStack = field(default_factory=ExitStack)
    processes: list[Process] = field(default_factory=list)
    acknowledged: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    sandbox_url: str = ""
    port: int = 0
    frozen: int = 0

    async def __aenter__(self) -> Self:
        self.engine: AsyncEngine = open_engine(self.database_url, pool_size=4)
        sandbox = Process(["-m", "app.sandbox", "--port", "0"], {}, r"http://\S+")
        self.stack.callback(sandbox.end)
        self.sandbox_url = (await sandbox.wait_until_up()).group()
        folder = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="segue-crash-"))
        (Path(folder) / "rules.yaml").write_text(RULES, encoding="utf-8")
        self.environment = {
            "SEGUE_CONFIG": f"{folder}/rules.yaml",
            **({"SEGUE_DATA_DIR": str(self.data_dir)} if self.data_dir else {"SEGUE_DATABASE_URL": self.database_url}),
            "SEGUE_HUBSPOT_BASE_URL": self.sandbox_url,
            "SEGUE_HUBSPOT_TOKEN": "pat-sandbox",
            "SEGUE_LEASE_SECONDS": str(self.lease),
            "SEGUE_SETTLE_SECONDS": str(self.settle),
            "SEGUE_LOG_FORMAT": "json",
        }
        return self

    async def __aexit__(self, *_: object) -> None:
        for process in reversed(self.processes):  # the service last: it may hold the database
            process.end()
        self.stack.close()
        await self.engine.dispose()

    async def control(self, path: str, told: Any = None) -> Any:
        """Ask or tell the sandbox."""
        async with httpx.AsyncClient(base_url=self.sandbox_url, trust_env=False) as client:
            url = f"/_sandbox/{path}"
            reply = await (client.get(url) if told is None else client.post(url, json=told))
            reply.raise_for_status()
            return reply.json()

    async def start(self, *commands: str) -> None:
        """Start `serve` and `worker` processes."""
        started = []
        for command in commands:
            port = str(self.port) if command.startswith("serve") else "0"
            environment = self.environment | {"SEGUE_PORT": port}
            up = r'"ports":\[(\d*)\]'
            process = Process(["-m", "app", *command.split()], environment, up)
            self.processes.append(process)
            started.append(process)
            # A worker needs the rulebook that serve puts in force.
            found = await process.wait_until_up()
            if command.startswith("serve"):
                self.port = int(found.group(1))

    def kill_all(self, point: str) -> None:
        """Kill service and worker at once."""
        self.kills[point] += 1
        for process in self.processes:
            process.kill()
        self.processes.clear()

    async def kill_parts(self, parts: frozenset[str]) -> None:
        """Kill these parts at once. Where that hits the database, one of its backends is frozen and notices nothing."""
        assert self.data_dir
        self.kills[" + ".join(part for part in PARTS if part in parts)] += 1
        backends = [row[0] for row in await self.rows(BACKENDS)]
        postmaster = int((self.data_dir / "postgres/postmaster.pid").read_text().split()[0])
        await self.engine.dispose()
        if parts & {"postmaster", "backends"}:
            self.frozen = backends.pop(0)
            os.kill(self.frozen, signal.SIGSTOP)
        for process in self.processes:
            if process.part in parts:
                process.send(signal.SIGKILL)
        for pid in [postmaster] * ("postmaster" in parts) + backends * ("backends" in parts):
            with suppress(ProcessLookupError):  # It has ended with its postmaster, or with its client.
                os.kill(pid, signal.SIGKILL)
        for process in [process for process in self.processes if process.part in parts]:
            process.kill()
            self.processes.remove(process)

    async def start_missing(self) -> None:
        """Start what was killed, the service first; the worker when the database is there again."""
        running = {process.part for process in self.processes}
        if "service" not in running:
            await self.start("serve")
        async with asyncio.timeout(WATCHDOG_SECONDS):
            while not await self._database_is_back():  # noqa: ASYNC110  # only asking tells
                await asyncio.sleep(0.1)
        if "worker" not in running:
            await self.start("worker")

    async def _database_is_back(self) -> bool:
        """Say whether what was frozen is gone, and the database answers."""
        if self.frozen and process_name(self.frozen) is not None:
            return False
        try:
            return bool(await self.rows("SELECT 1"))
        except (OSError, SQLAlchemyError):
            return False

    async def send_event(self, number: int, kind: str, *, stop: asyncio.Event | None = None) -> str:
        """Send one event, again and again until it is acknowledged, as webhook senders do; return the address."""
        email = f"{kind}{number}@crash.example"
        body = json.dumps({"type": kind, "data": {"email": email, "first_name": "A"}}).encode()
        source = SourceConfig("crm", "standard-webhooks", (Secret(SECRET),), PROVIDERS["standard-webhooks"].Options())
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            while stop is None or not stop.is_set():
                url = f"http://127.0.0.1:{self.port}/webhooks/crm"
                now = datetime.now(UTC)
                headers = PROVIDERS["standard-webhooks"].sign(body, source, now, method="POST", url=url)
                try:
                    reply = await client.post(url, content=body, headers=headers)
                except httpx.HTTPError:
                    await asyncio.sleep(0.05)
                    continue
                assert reply.status_code in {200, 503}, reply.text
                if reply.status_code == 200:
                    self.acknowledged[email] += 1
                    return email
                await asyncio.sleep(0.05)
        return email

    async def rows(self, statement: str, **values: Any) -> list[Any]:
        """Ask the database."""
        async with self.engine.connect() as connection:
            return list((await connection.execute(text(statement), values)).all())

    async def until(self, condition: Callable[[], Awaitable[bool]], *, what: str) -> None:
        """Wait for a condition; fail with what was waited for once the watchdog loses patience."""
        deadline = time.monotonic() + WATCHDOG_SECONDS
        while not await condition():
            if time.monotonic() > deadline:
                states = await self.rows("SELECT state, reason, count(*) FROM enrollments GROUP BY 1, 2")
                states += [tuple(row) for row in await self.rows(DOING)]
                log = self.processes[-1].log()[-3000:] if self.processes else ""
                raise AssertionError(f"waited {WATCHDOG_SECONDS} s for {what}; now {states}\n{log}")
            await asyncio.sleep(0.02)

    async def until_settled(self) -> None:
        """Wait until no enrollment is under way any more."""

        async def settled() -> bool:
            waiting = "SELECT count(*) FROM enrollments WHERE state IN ('ready', 'working', 'uncertain', 'held')"
            return bool((await self.rows(waiting))[0][0] == 0)

        await self.until(settled, what="every enrollment to come to rest")

    async def books(self) -> Books:
        """Compare what was acknowledged with what HubSpot received."""
        ledger = await self.control("ledger")
        reached = [e["email"] for e in ledger if e["processed"] or e["outcome"] == "ALREADY_ENROLLED"]
        states = dict(tuple(row) for row in await self.rows("SELECT email, state FROM enrollments"))
        return Books(dict(self.acknowledged), Counter(reached), states, len(ledger))


def private_world(data_dir: Path) -> World:
    """Return a world whose service keeps its own database in `data_dir`."""
    return World(f"postgresql+asyncpg://segue@/segue?host={data_dir}/socket&port=5432", data_dir)


@dataclass(frozen=True)
class Books:
    """Who was acknowledged, how often an enroll request reached HubSpot for each, and how each enrollment stands."""

    acknowledged: Mapping[str, int]
    reached: Counter[str]
    states: Mapping[str, str]
    received: int

    @property
    def lost(self) -> list[str]:
        """Acknowledged, and neither enrolled nor parked."""
        return [email for email in self.acknowledged if self.states.get(email) not in {"enrolled", "parked"}]

    @property
    def doubled(self) -> list[str]:
        """Reached HubSpot more than once."""
        return [email for email, count in self.reached.items() if count > 1]

    @property
    def pretended(self) -> list[str]:
        """Called enrolled here, and never reached HubSpot."""
        return [email for email, state in self.states.items() if state == "enrolled" and not self.reached[email]]

    @property
    def parked(self) -> list[str]:
        """Left to a person."""
        return [email for email, state in self.states.items() if state == "parked"]


PARTS = ("service", "worker", "postmaster", "backends")
DEATHS = tuple(frozenset(parts) for count in range(1, 5) for parts in combinations(PARTS, count))
# The busiest first: it is frozen in the middle of its work.
BACKENDS = """
    SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
    ORDER BY state = 'active' DESC
"""


@dataclass(frozen=True)
class Point:
    """A place to kill at: sandbox settings that widen it, and the condition that says it is reached."""

    name: str
    settings: Mapping[str, Any]
    reached: Callable[[World], Awaitable[bool]]


async def _preparing(world: World) -> bool:
    steps = "SELECT count(*) FROM enrollments WHERE state = 'working' AND step IN ('claimed', 'assigned', 'prepared')"
    return bool((await world.rows(steps))[0][0])


async def _sending(world: World) -> bool:
    sending = await world.rows("SELECT email FROM enrollments WHERE state = 'working' AND step = 'sending'")
    done = {entry["email"] for entry in await world.control("ledger") if entry["processed"]}
    return any(row[0] not in done for row in sending)


async def _processed(world: World) -> bool:
    sending = await world.rows("SELECT email FROM enrollments WHERE state = 'working' AND step = 'sending'")
    done = {entry["email"] for entry in await world.control("ledger") if entry["processed"]}
    return any(row[0] in done for row in sending)


async def _unrecorded(world: World) -> bool:
    """Hold the row's lock, so that HubSpot's answer is in the worker's hand and its record is not committed."""
    async with world.engine.begin() as connection:
        locked = await connection.execute(
            text("SELECT email FROM enrollments WHERE state = 'working' AND step = 'sending' FOR UPDATE SKIP LOCKED")
        )
        held = set(locked.scalars())
        if not held:
            return False
        for _ in range(100):
            done = {entry["email"] for entry in await world.control("ledger") if entry["processed"]}
            waiting = await world.rows("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            if held & done and waiting[0][0]:
                world.kill_all("before the record")
                return True
            await asyncio.sleep(0.01)
    return False


QUICK: dict[str, Any] = {"delay_ms": {}, "delay_after_ms": {}}
POINTS = (
    Point("before sending", QUICK | {"delay_ms": {"upsert": 150, "read": 100}}, _preparing),
    Point("after sending", QUICK | {"delay_ms": {"enroll": 200}}, _sending),
    Point("after HubSpot processed", QUICK | {"delay_after_ms": {"enroll": 200}}, _processed),
    Point("before the record", QUICK | {"delay_ms": {"enroll": 100}}, _unrecorded),
)


async def run(world: World, *, events: int, kills: int) -> Books:
    """Send `events` (half of them into one-step sequences) while `kills` kills come, each at the next kind of point.

    Events come in portions, one before each kill: there is always work in hand to be killed in.
    """
    await world.control("settings", {"per_10s": 5000, "one_step_seconds": 1.0, "property_lag": 0.3})
    await world.start("serve", "worker")
    portions = [range(n * events // (kills + 1), (n + 1) * events // (kills + 1)) for n in range(kills + 1)]
    sending: list[asyncio.Task[str]] = []
    for number, portion in enumerate(portions[:-1]):
        point = POINTS[number % len(POINTS)]
        await world.control("settings", dict(point.settings))
        sending += _send_all(world, portion)
        await world.until(partial(point.reached, world), what=point.name)
        if point.name != "before the record":
            world.kill_all(point.name)
        await world.start("serve", "worker")
    await world.control("settings", QUICK)
    sending += _send_all(world, portions[-1])
    await asyncio.gather(*sending)
    await world.until_settled()
    return await world.books()


async def run_with_deaths(world: World, *, events: int, deaths: Sequence[frozenset[str]]) -> Books:
    """Send `events` while the parts of Segue die together, the private database among them; start again each time."""
    await world.control("settings", {"per_10s": 5000, "one_step_seconds": 1.0, "property_lag": 0.3})
    await world.start("serve", "worker")
    sending: list[asyncio.Task[str]] = []
    for number, parts in enumerate(deaths):
        await world.control("settings", QUICK | {"delay_ms": {"enroll": 200}})
        sending += _send_all(world, range(number * events // len(deaths), (number + 1) * events // len(deaths)))
        await world.until(partial(_sending, world), what="requests that are under way")
        await world.kill_parts(parts)
        await world.start_missing()
    await world.control("settings", QUICK)
    await asyncio.gather(*sending)
    await world.until_settled()
    return await world.books()


def _send_all(world: World, numbers: range) -> list[asyncio.Task[str]]:
    return [asyncio.create_task(world.send_event(number, "short" if number % 2 else "long")) for number in numbers]
