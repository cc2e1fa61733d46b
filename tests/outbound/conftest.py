"""A worker's outbound events, whose steps each test takes itself: a real database here, a real server there."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from app.clock import utc_now
from app.enrollments.outcome import Change
from app.enrollments.store import EnrollmentStore
from app.intake.group_commit import GroupCommit
from app.model import Endpoint, OutboundKind, Secret
from app.networks import read_networks
from app.observability.metrics import Metrics
from app.outbound.client import EndpointClient
from app.outbound.loop import OutboundLoop
from app.outbound.send import OutboundSender
from app.outbound.store import Outbox
from tests.support.direct import direct
from tests.support.far_endpoint import Far, far_end

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.model import State
    from tests.conftest import MakeEntry

SECRET = "whsec_b3V0Ym91bmQtbWFkZS11cC1zZWNyZXQtMQ=="
NEWER = "whsec_b3V0Ym91bmQtbWFkZS11cC1zZWNyZXQtMg=="
ADMITTED = frozenset(OutboundKind)


def endpoint(name: str, url: str, *secrets: str, **changes: Any) -> Endpoint:
    kept = tuple(Secret(secret) for secret in secrets or (SECRET,))
    return replace(Endpoint(name, url, kept, ADMITTED, None, url, f"{name}-1"), **changes)


async def drained(*loops: OutboundLoop) -> None:
    """Wait until none of the loops is sending an event."""
    for loop in loops:
        while loop._sending:
            await asyncio.wait(loop._sending)


@dataclass
class Desk:
    """One replica's outbound events. `moment` is its clock; the leases are the database's."""

    engine: AsyncEngine
    http: EndpointClient
    make_entry: MakeEntry
    far: Far
    moment: list[datetime]
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    metrics: Metrics = field(default_factory=Metrics)
    drawn: float = 0.0

    def replica(
        self, name: str, *, lease: timedelta = timedelta(seconds=60), rules: Mapping[str, Endpoint] | None = None
    ) -> tuple[Outbox, OutboundLoop]:
        """Return what another replica has; `rules` are its endpoints where its rules are not those of the others."""
        outbox = Outbox(self.engine, worker=name, lease=lease)
        deliverer = OutboundSender(outbox, self.http, now=self.now, random=lambda: self.drawn, metrics=self.metrics)
        return outbox, OutboundLoop(outbox, deliverer, endpoints=lambda: rules or self.endpoints, now=self.now)

    def now(self) -> datetime:
        return self.moment[0]

    def later(self, **span: float) -> None:
        """Let time pass."""
        self.moment[0] += timedelta(**span)

    def listening(self, kind: OutboundKind, _account: str) -> tuple[str, ...]:
        return tuple(one.name for one in self.endpoints.values() if kind in one.kinds)

    def worker(self, account: str = "main", **more: Any) -> EnrollmentStore:
        return EnrollmentStore(
            direct(self.engine), account=account, worker="w1", lease=15.0, endpoints=self.listening, **more
        )

    async def accept(self, *emails: str, **changes: Any) -> None:
        writer = GroupCommit(self.engine.url)
        writer.start()
        for email in emails:
            await writer.accept(self.make_entry(email, email, **changes))
        await writer.close()

    async def ends(self, after: State, *emails: str, **change: Any) -> None:
        """Take one enrollment of each to `after`."""
        await self.accept(*(emails or ("ada@corp.example",)))
        worker = self.worker()
        for enrollment in await worker.claim_ready(100):
            await worker.move(enrollment, after, Change(str(after), **change))

    async def send(self, name: str = "w1", *, rules: Mapping[str, Endpoint] | None = None) -> int:
        """Send all that is due now; return how many were claimed."""
        _, delivering = self.replica(name, rules=rules)
        claimed = await delivering.take()
        await drained(delivering)
        return claimed

    async def rows(self, columns: str = "*", table: str = "outbound ORDER BY id") -> list[dict[str, Any]]:
        async with self.engine.begin() as connection:
            result = await connection.execute(text(f"SELECT {columns} FROM {table}"))  # noqa: S608  # a test's own
            return [dict(row) for row in result.mappings()]

    async def one(self, columns: str = "*") -> dict[str, Any]:
        (row,) = await self.rows(columns)
        return row

    async def run(self, statement: str) -> None:
        async with self.engine.begin() as connection:
            await connection.execute(text(statement))


@pytest.fixture
async def far() -> AsyncIterator[Far]:
    async with far_end() as far:
        yield far


@pytest.fixture
async def desk(engine: AsyncEngine, make_entry: MakeEntry, far: Far) -> AsyncIterator[Desk]:
    # A minute ahead of the database's clock: what is noted during a test is due.
    moment = [utc_now() + timedelta(minutes=1)]
    async with aclosing(EndpointClient(read_networks("127.0.0.1"))) as http:
        desk = Desk(engine, http, make_entry, far, moment)
        desk.endpoints["crm"] = endpoint("crm", far.url)
        yield desk
