"""What every test may ask for: a real PostgreSQL (the embedded one), a database of its own, deterministic ids."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import text
from sqlalchemy.engine import make_url

from app.database.embedded import EmbeddedPostgres
from app.database.engine import open_engine
from app.database.migrate import migrate
from app.intake.entries import DecidedEvent, IntakeRecord, RecordedDecision
from app.model import Decision, Delivery, EnrollRequest, Event, IfEnrolled, Intent, OnSenderFull, Plan, Verdict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from sqlalchemy.ext.asyncio import AsyncEngine

# How long an example takes says something of the machine, and nothing of the code.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

DEFER = OnSenderFull.DEFER
NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A private server for the whole session. Its folder is short: socket paths are limited to about 100 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="segue-", dir="/tmp"))  # a short path is the point
    folder.chmod(0o755)
    server = EmbeddedPostgres.open(folder / "data")
    try:
        yield server
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)


async def _run(url: str, *statements: str) -> None:
    engine = open_engine(url, pool_size=1)
    async with engine.connect() as connection:
        plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
        for statement in statements:
            await plain.execute(text(statement))
    await engine.dispose()


@pytest.fixture
async def empty_database(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """The URL of a database of this test's own, without tables."""
    name = f"test_{next(_numbers)}"
    await _run(postgres.url, f"CREATE DATABASE {name}")
    yield make_url(postgres.url).set(database=name).render_as_string(hide_password=False)
    await _run(postgres.url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def template() -> list[str]:
    """Names of the migrated database that others are copied from: at most one."""
    return []


@pytest.fixture
async def database_url(postgres: EmbeddedPostgres, template: list[str]) -> AsyncIterator[str]:
    """The URL of a migrated database of this test's own, copied from one that was migrated once."""
    if not template:
        await _run(postgres.url, "CREATE DATABASE migrated")
        await migrate(make_url(postgres.url).set(database="migrated"))
        template.append("migrated")
    name = f"test_{next(_numbers)}"
    await _run(postgres.url, f"CREATE DATABASE {name} TEMPLATE {template[0]} STRATEGY FILE_COPY")
    yield make_url(postgres.url).set(database=name).render_as_string(hide_password=False)
    await _run(postgres.url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """An engine on a migrated database of this test's own."""
    engine = open_engine(database_url)
    yield engine
    await engine.dispose()


@pytest.fixture
def new_id() -> Callable[[str], str]:
    """Ids that count: dlv_000001, evt_000002, ..."""
    numbers = itertools.count(1)
    return lambda prefix: f"{prefix}_{next(numbers):06d}"


class MakeEntry(Protocol):
    """Makes an entry of one delivery with one event that a rule enrolls."""

    def __call__(self, event_id: str, email: str = ..., **changes: Any) -> IntakeRecord: ...


@pytest.fixture
def make_entry(new_id: Callable[[str], str]) -> MakeEntry:
    def make(event_id: str, email: str = "ada@corp.example", **changes: Any) -> IntakeRecord:
        facts: dict[str, Any] = {"account": "main", "sequence": "310001", "intent": "demo"} | changes
        request = EnrollRequest(
            account=facts["account"],
            email=email,
            sequence=facts["sequence"],
            plan=Plan(
                facts.get("sender", "anna"),
                facts.get("fallback"),
                facts.get("on_sender_full", DEFER),
                facts.get("timing"),
                IfEnrolled(facts.get("if_enrolled", "skip")),
                facts.get("owner", "keep"),
                facts.get("overwrite_owner", False),
                facts.get("defaults", ()),
                facts.get("action", "enroll"),
                facts.get("workflow", ""),
                facts.get("write_back", ()),
            ),
            properties=facts.get("properties", {"firstname": "Ada"}),
            require=facts.get("require", ("firstname",)),
            intent=Intent(facts["intent"], facts.get("period", timedelta(days=30))),
            expires_after=facts.get("expires_after"),
            delay=facts.get("delay"),
            priority=facts.get("priority", 0),
        )
        event = Event("crm", "signup", (event_id,), id=event_id, email=email, data=facts.get("data", {"plan": "pro"}))
        decision = Decision(Verdict.ENROLL, "matched", "abc123", rule="demo", line=7, enroll=request)
        heard = DecidedEvent(new_id("evt"), event, (RecordedDecision(new_id("dec"), new_id("enr"), decision),))
        delivery = Delivery(new_id("dlv"), "crm", NOON, "POST", "https://x.example/webhooks/crm", {"a": "b"}, b"{}")
        return IntakeRecord(delivery, "standard-webhooks", (heard,))

    return make
