"""What every test may ask for: a database of its own on a real PostgreSQL, a sandbox of its own, deterministic ids."""

from __future__ import annotations

import gc
import itertools
import os
import sys
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from hypothesis import HealthCheck, settings

from app.database.engine import open_engine
from app.intake.entries import DecidedEvent, IntakeRecord, RecordedDecision
from app.model import Decision, Delivery, EnrollRequest, Event, IfEnrolled, Intent, OnSenderFull, Plan, Verdict
from tests.support.chromium import MISSING
from tests.support.direct import close_direct
from tests.support.order import dealt
from tests.support.postgres import TEMPLATE, Databases, shared_server
from tests.support.sandbox import SandboxServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from sqlalchemy.ext.asyncio import AsyncEngine

# How long an example takes says something of the machine, and nothing of the code.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

DEFER = OnSenderFull.DEFER
NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
SERVER_URL = pytest.StashKey[str]()

# Tests start many processes. Each would compile the whole application again where the environment forbids keeping it.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Start the server once for all workers, in the process that outlives them."""
    started = ExitStack()
    config.add_cleanup(started.close)
    config.stash[SERVER_URL] = started.enter_context(shared_server())


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker where the server is."""
    node.workerinput["postgres_url"] = node.config.stash[SERVER_URL]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let every worker begin with long tests."""
    items[:] = dealt(items, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


def pytest_collection_finish() -> None:
    """Spare the garbage collector what lives until the end: modules and collected tests."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Say in the last lines what did not run: that is never called passed."""
    yield
    missed = [one for one in terminalreporter.stats.get("skipped", ()) if MISSING in str(one.longrepr)]
    if missed:
        terminalreporter.write_line(f"NOT RUN: {len(missed)} browser tests: {MISSING}", yellow=True)


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[Databases]:
    """The server that all tests share; without workers it starts with the first test that needs it."""
    worker = getattr(request.config, "workerinput", None)
    with ExitStack() as started:
        url = worker["postgres_url"] if worker else started.enter_context(shared_server())
        yield started.enter_context(Databases(url, f"test_{worker['workerid'] if worker else 'main'}"))


@pytest.fixture
def empty_database(postgres: Databases) -> Iterator[str]:
    """The URL of a database of this test's own, without tables."""
    with postgres.database() as url:
        yield url


@pytest.fixture
def database_url(postgres: Databases) -> Iterator[str]:
    """The URL of a migrated database of this test's own."""
    with postgres.database(template=TEMPLATE) as url:
        yield url


@pytest.fixture(scope="session")
def sandbox_server() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server


@pytest.fixture
def sandbox_url(sandbox_server: SandboxServer) -> Iterator[str]:
    """The URL of a sandbox of this test's own."""
    with sandbox_server.fresh() as url:
        yield url


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """An engine on a migrated database of this test's own."""
    engine = open_engine(database_url)
    yield engine
    await close_direct(engine)
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
                facts.get("target", ""),
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
