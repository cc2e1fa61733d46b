"""A whole installation of real processes: a sandbox, services, workers, clients that resend, and books to compare."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.database.engine import open_engine
from app.model import Secret, SourceConfig
from app.sources import PROVIDERS
from app.tls import tls_context
from tests.support.logs import TOKEN
from tests.support.processes import WATCHDOG_SECONDS, Process, is_stopped

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from sqlalchemy.ext.asyncio import AsyncEngine

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
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


@dataclass
class World:
    """Everything one run has: processes that come and go, and a database and a sandbox that stay.

    With a `data_dir` the database is the private one of the service there, and is killed, too. `sandbox` is the module
    that runs as the sandbox.
    """

    database_url: str
    data_dir: Path | None = None
    lease: float = 1.0
    settle: float = 3.0
    sandbox: str = "app.sandbox"
    stack: ExitStack = field(default_factory=ExitStack)
    processes: list[Process] = field(default_factory=list)
    acknowledged: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    sandbox_url: str = ""
    port: int = 0
    frozen: int = 0

    async def __aenter__(self) -> Self:
        self.engine: AsyncEngine = open_engine(self.database_url, pool_size=4)
        sandbox = Process(["-m", self.sandbox, "--port", "0"], {}, r"http://\S+")
        self.stack.callback(sandbox.end)
        self.sandbox_url = (await sandbox.wait_until_up()).group()
        folder = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="segue-crash-"))
        (Path(folder) / "rules.yaml").write_text(RULES, encoding="utf-8")
        self.environment = {
            "SEGUE_ENDPOINT_NETWORKS": "127.0.0.1",
            "SEGUE_CONFIG": f"{folder}/rules.yaml",
            **({"SEGUE_DATA_DIR": str(self.data_dir)} if self.data_dir else {"SEGUE_DATABASE_URL": self.database_url}),
            "SEGUE_HUBSPOT_BASE_URL": self.sandbox_url,
            "SEGUE_HUBSPOT_TOKEN": "pat-sandbox",
            "SEGUE_TOKENS": f"tests admin {TOKEN}",
            "SEGUE_LEASE_SECONDS": str(self.lease),
            "SEGUE_SETTLE_SECONDS": str(self.settle),
            "SEGUE_LOG_FORMAT": "json",
        }
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.engine.dispose()  # before the database ends with its service
        for process in reversed(self.processes):  # the service last: it may hold the database
            process.end()
        self.stack.close()

    async def control(self, path: str, body: Any = None) -> Any:
        """Ask or tell the sandbox."""
        async with httpx.AsyncClient(base_url=self.sandbox_url, trust_env=False, verify=tls_context()) as client:
            url = f"/_sandbox/{path}"
            reply = await (client.get(url) if body is None else client.post(url, json=body))
            reply.raise_for_status()
            return reply.json()

    async def start(self, *commands: str) -> None:
        """Start `serve` and `worker` processes."""
        started = []
        for command in commands:
            port = str(self.port) if command.startswith("serve") else "0"
            environment = self.environment | {"SEGUE_PORT": port}
            # A worker that `serve` has started may say so before, and listens on no port.
            up = r'"ports":\[(\d+)' if command.startswith("serve") else r'"ports":\['
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
        if self.frozen and is_stopped(self.frozen):
            return False
        try:
            return bool(await self.rows("SELECT 1"))
        except (OSError, SQLAlchemyError):
            return False

    def signed(self, body: bytes) -> dict[str, str]:
        """Return the headers of a delivery to the source `crm`."""
        source = SourceConfig("crm", "standard-webhooks", (Secret(SECRET),), PROVIDERS["standard-webhooks"].Options())
        url = f"http://127.0.0.1:{self.port}/webhooks/crm"
        return PROVIDERS["standard-webhooks"].sign(body, source, datetime.now(UTC), method="POST", url=url)

    async def send_event(self, number: int, kind: str, *, stop: asyncio.Event | None = None) -> str:
        """Send one event, again and again until it is acknowledged, as webhook senders do; return the address."""
        email = f"{kind}{number}@crash.example"
        body = json.dumps({"type": kind, "data": {"email": email, "first_name": "A"}}).encode()
        async with httpx.AsyncClient(trust_env=False, verify=tls_context(), timeout=10) as client:
            while stop is None or not stop.is_set():
                url = f"http://127.0.0.1:{self.port}/webhooks/crm"
                try:
                    reply = await client.post(url, content=body, headers=self.signed(body))
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
# The busiest first: it is frozen in the middle of its work.
BACKENDS = """
    SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
    ORDER BY state = 'active' DESC
"""
