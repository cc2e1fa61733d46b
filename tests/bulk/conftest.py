"""What tests of jobs use: parked and waiting enrollments in a real PostgreSQL, and workers that take turns at jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from app.audit.act import Act
from app.bulk.ask_store import BulkAskStore
from app.bulk.filters import Filter
from app.bulk.job_store import BulkJobStore
from app.bulk.run import BulkRunner
from app.bulk.work_store import BulkWorkStore
from app.ids import Ids
from app.intake.wiring import open_redecider
from app.observability.metrics import Metrics
from app.operators import Role
from tests.support.rulebooks import book

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from app.bulk.job import Job
    from app.intake.redecide import Redecider
    from app.rules.rulebook import Rulebook

INSERT = text("""
    INSERT INTO enrollments (id, decision_id, event_id, delivery_id, source, rule, account, email, sequence, properties,
                             require, intent, received_at, created_at, updated_at, state, reason, detail, due_at,
                             sender)
    SELECT 'enr_' || lpad(CAST(:begin + n AS text), 12, '0'), 'dec', 'evt', 'dlv', :source, :rule, :account,
           'p' || (:begin + n) || '@corp.example', '310001', '{}', '{}', 'demo', now(), now(), now(), :state, :reason,
           'why', now(), :sender
    FROM generate_series(1, :rows) AS n
""")
USUAL: dict[str, Any] = {
    "state": "parked", "reason": "DISCONNECTED_INBOX", "sender": "ben", "rule": "demo", "source": "crm",
    "account": "main",
}  # fmt: skip
BEN = Filter(reason="DISCONNECTED_INBOX", sender="ben")
MARTA = Act("marta", Role.OPERATOR, "192.0.2.7", "POST /api/v1/jobs")
ADA = Act("ada", Role.ADMIN, "192.0.2.8", "POST /api/v1/jobs")


@dataclass
class Desk:
    """An operator's desk and the workers behind it, over one database."""

    engine: AsyncEngine
    rules: Callable[[], Rulebook] = lambda: book("")
    made: int = 0
    asking: BulkAskStore = field(init=False)
    jobs: BulkJobStore = field(init=False)

    def __post_init__(self) -> None:
        self.asking = BulkAskStore(self.engine, Ids())
        self.jobs = BulkJobStore(self.engine)

    async def has(self, rows: int, **facts: Any) -> None:
        """Add enrollments, parked for a disconnected inbox of ben where nothing else is said."""
        async with self.engine.begin() as connection:
            await connection.execute(INSERT, USUAL | facts | {"begin": self.made, "rows": rows})
        self.made += rows

    async def ask(self, kind: str = "release_parked", given: Filter = BEN, *, act: Act = ADA, **more: Any) -> Job:
        """Ask for a job on what matches."""
        expected = more.get("expected_count", (await self.asking.preview(kind, given, role=act.role)).count)
        return await self.asking.ask(kind, given, expected_count=expected, reason=more.get("reason"), act=act)

    def store(self, name: str = "one", **options: Any) -> BulkWorkStore:
        """Return a worker's side of the jobs."""

        async def redecider(connection: AsyncConnection) -> Redecider:
            metrics = Metrics()
            return open_redecider(self.engine, self.rules, hash_email=str, metrics=metrics, within=connection)

        return BulkWorkStore(self.engine, name, redecider, **options)

    async def work(self, name: str = "one", *, store: BulkWorkStore | None = None) -> int:
        """Let a worker do all that is left, without the pauses between chunks; return how many chunks it did."""
        runner, chunks = BulkRunner(store or self.store(name)), 0
        while await self.hurried() and await runner.once() == 0.0:
            chunks += 1
        return chunks

    async def hurried(self) -> bool:
        """Make all jobs due; return True."""
        await self.run("UPDATE bulk_jobs SET due_at = clock_timestamp() - interval '1 ms'")
        return True

    async def job(self, id_: str) -> Job:
        job = await self.jobs.one(id_)
        assert job is not None
        return job

    async def states(self) -> dict[str, int]:
        """Return how many enrollments are in each state."""
        return dict(await self.run("SELECT state, count(*) FROM enrollments GROUP BY state"))

    async def run(self, statement: str) -> list[Any]:
        async with self.engine.begin() as connection:
            result = await connection.execute(text(statement))
            return [tuple(row) for row in result] if result.returns_rows else []


@pytest.fixture
def desk(engine: AsyncEngine) -> Desk:
    return Desk(engine)
