"""What leaves no row is counted by the process that receives it: its totals, written again and again."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from app.database.engine import open_engine
from app.observability.hourly import HourlyCounts
from app.tallies.counter_store import CounterStore
from app.tallies.hours import hour_of
from app.tallies.read_store import sources
from app.tallies.stages import Counter
from app.tallies.statements import FOLD
from tests.support.service import RULES, Running, close_database, open_database, running, write
from tests.tallies.conftest import NOW, store
from tests.web.test_operators import signup

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine

    from tests.support.postgres import Databases

READ = "SELECT source, result, reason, n FROM tally_counters ORDER BY source, result, reason"


@pytest.fixture
async def web(database_url: str, tmp_path: Path) -> AsyncIterator[Running]:
    rules = tmp_path / "rules.yaml"
    write(rules, RULES)
    async with running(database_url, rules) as web:
        yield web


async def rows_of(engine: AsyncEngine, statement: str) -> list[tuple[Any, ...]]:
    async with engine.begin() as connection:
        result = await connection.exec_driver_sql(statement)
        return [tuple(row) for row in result] if result.returns_rows else []


async def send_some(web: Running) -> None:
    """Send two events that are stored, one of them twice, one without a rule, and three that are rejected."""
    await web.deliver("crm", signup(1))
    await web.deliver("crm", signup(1))
    await web.deliver("crm", signup(2, "bob@corp.example"))
    await web.deliver("crm", {"type": "unheard", "data": {"n": 3}})
    await web.deliver("crm", signup(4), **{"webhook-signature": "v1,d3Jvbmc="})
    await web.deliver("crm", b"{")
    await web.client.post("/webhooks/nowhere/secret", content=b"{}")


COUNTED = [
    ("", "rejected", "unknown_source", 1),
    ("crm", "accepted", "", 2),
    ("crm", "filtered", "", 1),
    ("crm", "no_rule", "", 1),
    ("crm", "rejected", "malformed_body", 1),
    ("crm", "rejected", "signature_mismatch", 1),
    ("crm", "repeated", "", 1),
    ("crm", "repeated_events", "", 1),
]


async def test_every_delivery_is_counted_once_and_written_when_the_process_ends(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    rules = tmp_path / "rules.yaml"
    write(rules, RULES)
    async with running(database_url, rules) as web:
        await send_some(web)
    assert await rows_of(engine, READ) == COUNTED


async def test_totals_are_written_again_without_being_added(engine: AsyncEngine) -> None:
    counts = HourlyCounts()
    writer = CounterStore(engine, counts, "one")
    counts.count("crm", "accepted")
    await writer.write()
    counts.count("crm", "accepted", 2)
    for _ in range(3):
        await writer.write()
    assert await rows_of(engine, READ) == [("crm", "accepted", "", 3)]
    await CounterStore(engine, counts, "one").write()
    counts._written.clear()  # as where the answer of the store was lost
    await writer.write()
    assert await rows_of(engine, READ) == [("crm", "accepted", "", 3)]


async def test_what_has_not_grown_is_not_written(engine: AsyncEngine) -> None:
    counts = HourlyCounts()
    counts.count("crm", "accepted")
    writer = CounterStore(engine, counts, "one")
    await writer.write()
    await rows_of(engine, "DELETE FROM tally_counters")
    await writer.write()
    assert await rows_of(engine, READ) == []


async def test_two_processes_and_the_next_run_of_one_add_up(engine: AsyncEngine) -> None:
    for run in ("one", "two", "one again"):
        counts = HourlyCounts()
        counts.count("crm", "accepted", 5)
        await CounterStore(engine, counts, run).write()
    (found,) = await sources(engine, NOW, NOW + timedelta(hours=2))
    assert found.verified == 15


async def test_runs_that_are_over_are_folded_once(engine: AsyncEngine) -> None:
    for run, hours, n in (("one", 60, 5), ("two", 60, 7), ("one", 1, 11)):
        counts = HourlyCounts(clock=lambda hours=hours: time.time() - hours * 3600)  # type: ignore[misc]
        counts.count("crm", "accepted", n)
        await CounterStore(engine, counts, run).write()
    before = await rows_of(engine, "SELECT hour, sum(n), max(last_at) FROM tally_counters GROUP BY hour ORDER BY hour")
    for _ in range(2):
        async with engine.begin() as connection:
            await connection.execute(FOLD)
    assert await rows_of(engine, "SELECT run, n FROM tally_counters ORDER BY hour") == [("", 12), ("one", 11)]
    after = await rows_of(engine, "SELECT hour, sum(n), max(last_at) FROM tally_counters GROUP BY hour ORDER BY hour")
    assert after == before


def test_an_hour_that_is_over_is_forgotten_once_it_is_written_or_a_day_old() -> None:
    clock = [1_000_000_000.0]
    counts = HourlyCounts(clock=lambda: clock[0])
    counts.count("crm", "accepted")
    (first,) = counts.unwritten()
    clock[0] += 3600
    counts.count("crm", "accepted")
    counts.written([first])
    assert [one.hour for one in counts.unwritten()] == [first.hour + timedelta(hours=1)]
    clock[0] += 24 * 3600
    counts.forget()
    assert len(counts.unwritten()) == 1
    clock[0] += 3600
    counts.forget()
    assert counts.unwritten() == []


async def test_no_answer_waits_for_a_store_that_is_away(web: Running, postgres: Databases, database_url: str) -> None:
    await close_database(postgres.url, database_url)
    answer = await web.deliver("crm", {"type": "unheard", "data": {"n": 3}})
    assert answer.json()["filtered"]
    engine = open_engine(database_url)
    writer = CounterStore(engine, web.process.metrics.hourly, "ends")
    with capture_logs() as logs:
        await writer.write_last()
    assert [log["event"] for log in logs] == ["counters.lost"]
    await open_database(postgres.url, database_url)
    await writer.write()
    assert ("crm", "filtered", "", 1) in await rows_of(engine, READ)
    await engine.dispose()


def test_what_the_service_counts_has_the_words_of_the_reads() -> None:
    assert {row[1] for row in COUNTED} | {Counter.HANDSHAKE} == set(Counter)


async def test_a_handshake_is_no_sign_of_life(web: Running) -> None:
    body = b'{"event": "endpoint.url_validation", "payload": {"plainToken": "abc"}}'
    await web.deliver("webinar", body)
    await CounterStore(web.process.engine, web.process.metrics.hourly, "one").write()
    (found,) = await sources(web.process.engine, NOW, NOW + timedelta(hours=2))
    assert (found.handshakes, found.verified, found.received, found.last_at) == (1, 0, 1, None)


async def test_a_count_folds_what_is_old(engine: AsyncEngine) -> None:
    counts = HourlyCounts(clock=lambda: time.time() - 60 * 3600)
    counts.count("crm", "accepted")
    await CounterStore(engine, counts, "one").write()
    await store(engine).fold()
    assert await rows_of(engine, "SELECT run, n FROM tally_counters") == [("", 1)]
    assert hour_of(NOW) == NOW
