from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import make_url, text

from app.database.engine import connect
from app.database.listen import ENROLLMENTS_READY, THIN_EVENTS_READY
from app.errors import Busy, Unreadable
from app.intake.group_commit import WORTH_A_SECOND_LANE, GroupCommit
from app.intake.waiting import MAXIMUM_BATCH, MAXIMUM_WAITING_BYTES
from tests.web.wire import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncEngine


@pytest.fixture
async def writer(engine: AsyncEngine) -> AsyncIterator[GroupCommit]:
    writer = GroupCommit(engine.url)
    writer.start()
    yield writer
    await writer.close()


async def count(engine: AsyncEngine, table: str) -> int:
    async with engine.connect() as connection:
        return int((await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())  # noqa: S608


async def column(engine: AsyncEngine, statement: str) -> list[Any]:
    async with engine.connect() as connection:
        return list((await connection.execute(text(statement))).scalars())


async def test_everything_of_a_delivery_is_there_after_the_answer(
    writer: GroupCommit, engine: AsyncEngine, make_entry: Any
) -> None:
    entry = make_entry("e1")
    accepted = await writer.accept(entry)
    assert accepted.new == [entry.events[0].id]
    assert accepted.first_delivery_id is None
    for table in ("deliveries", "events", "event_keys", "decisions", "enrollments", "intents", "journal"):
        assert await count(engine, table) == 1, table
    assert await column(engine, "SELECT state FROM enrollments") == ["ready"]


async def test_times_are_stored_to_the_microsecond(writer: GroupCommit, engine: AsyncEngine, make_entry: Any) -> None:
    received, latest = datetime(2026, 11, 29, 3, 4, 5, 678_901, UTC), datetime.max.replace(tzinfo=UTC)
    entry = make_entry("e1")
    event = replace(entry.events[0], event=replace(entry.events[0].event, occurred_at=latest))
    await writer.accept(replace(entry, delivery=replace(entry.delivery, received_at=received), events=(event,)))
    for table in ("deliveries", "events", "enrollments"):
        assert await column(engine, f"SELECT received_at FROM {table}") == [received]  # noqa: S608  # our own
    assert await column(engine, "SELECT occurred_at FROM events") == [latest]


async def test_a_forms_answers_are_kept_with_the_event(
    writer: GroupCommit, engine: AsyncEngine, make_entry: Any
) -> None:
    answers = {"Company size": "50+", "Interests": ["Sales", "Support"]}
    entry = make_entry("e1")
    asked = replace(entry.events[0], event=replace(entry.events[0].event, answers=answers))
    await writer.accept(replace(entry, events=(asked,)))
    await writer.accept(make_entry("e2"))
    assert await column(engine, "SELECT answers FROM events ORDER BY id") == [answers, None]


async def test_a_duplicate_is_answered_with_the_first_delivery(
    writer: GroupCommit, engine: AsyncEngine, make_entry: Any
) -> None:
    first = make_entry("e1")
    await writer.accept(first)
    again = await writer.accept(make_entry("e1"))
    assert again.first_delivery_id == first.delivery.id
    assert again.new == []
    assert await count(engine, "deliveries") == 1
    assert await count(engine, "enrollments") == 1


async def test_equal_events_in_one_batch_are_kept_once(
    writer: GroupCommit, engine: AsyncEngine, make_entry: Any
) -> None:
    entries = [make_entry("same") for _ in range(50)]
    results = await asyncio.gather(*(writer.accept(entry) for entry in entries))
    new = [entry for entry, result in zip(entries, results, strict=True) if result.new]
    assert len(new) == 1
    assert {r.first_delivery_id for r in results if not r.new} == {new[0].delivery.id}
    assert await count(engine, "events") == 1


async def test_repetitions_in_two_processes_at_once_are_all_counted(engine: AsyncEngine, make_entry: Any) -> None:
    writers = [GroupCommit(engine.url) for _ in range(2)]
    for writer in writers:
        writer.start()
    names = [f"e{number}" for number in range(20)]
    await asyncio.gather(*(writers[0].accept(make_entry(name)) for name in names))
    orders = [(writers[0], names), (writers[1], names[::-1])] * 10
    again = [writer.accept(make_entry(name)) for writer, order in orders for name in order]
    results = await asyncio.gather(*again)
    for writer in writers:
        await writer.close()
    assert all(result.first_delivery_id for result in results)
    assert await column(engine, "SELECT repeats FROM events") == [20] * 20
    assert None not in await column(engine, "SELECT last_repeated_at FROM events")


async def test_one_person_and_intent_from_two_events_is_one_enrollment(
    writer: GroupCommit, engine: AsyncEngine, make_entry: Any
) -> None:
    first = make_entry("form")
    await writer.accept(first)
    second = make_entry("webinar")
    accepted = await writer.accept(second)
    winner = first.events[0].decisions[0].enrollment_id
    assert accepted.taken == {second.events[0].decisions[0].enrollment_id: winner}
    assert await column(engine, "SELECT reason FROM decisions WHERE verdict = 'duplicate'") == [
        f"duplicate of {winner}"
    ]
    assert await count(engine, "enrollments") == 1


async def test_an_intent_is_free_again_when_its_period_has_passed(
    writer: GroupCommit, engine: AsyncEngine, make_entry: Any
) -> None:
    await writer.accept(make_entry("form", period=timedelta(seconds=-1)))
    accepted = await writer.accept(make_entry("webinar"))
    assert accepted.taken == {}
    assert await count(engine, "enrollments") == 2


async def test_a_row_that_postgresql_refuses_fails_alone(
    writer: GroupCommit, engine: AsyncEngine, make_entry: Any
) -> None:
    good = [make_entry(f"e{n}", f"p{n}@corp.example") for n in range(20)]
    bad = make_entry("bad", "bad@corp.example", data={"text": "a NUL \x00 character"})
    results = await asyncio.gather(*(writer.accept(e) for e in [*good[:10], bad, *good[10:]]), return_exceptions=True)
    assert isinstance(results[10], Unreadable)
    assert sum(isinstance(result, Unreadable) for result in results) == 1
    assert await count(engine, "enrollments") == 20


async def test_a_value_the_driver_cannot_encode_fails_alone(
    writer: GroupCommit, engine: AsyncEngine, make_entry: Any
) -> None:
    bad = make_entry("bad", "bad@corp.example")
    event = replace(bad.events[0].event, company="half a pair \ud800")
    bad = replace(bad, events=(replace(bad.events[0], event=event),))
    results = await asyncio.gather(writer.accept(make_entry("e1")), writer.accept(bad), return_exceptions=True)
    assert isinstance(results[1], Unreadable)
    assert await count(engine, "enrollments") == 1


async def test_a_defect_with_one_delivery_turns_that_one_away_and_the_lane_lives_on(
    writer: GroupCommit, engine: AsyncEngine, make_entry: Any
) -> None:
    bad = make_entry("bad", "bad@corp.example", data={"nobody can": object()})
    results = await asyncio.gather(writer.accept(make_entry("e1")), writer.accept(bad), return_exceptions=True)
    assert isinstance(results[1], Busy)
    assert (await writer.accept(make_entry("e2", "b@corp.example"))).new
    assert await count(engine, "enrollments") == 2


async def test_two_replicas_with_the_same_events_agree(engine: AsyncEngine, make_entry: Any) -> None:
    writers = [GroupCommit(engine.url), GroupCommit(engine.url)]
    for writer in writers:
        writer.start()
    people = [f"p{n}@corp.example" for n in range(40)]
    entries = [make_entry(f"e{n}", person) for n, person in enumerate(people)]
    echoes = [make_entry(f"e{n}", person) for n, person in reversed(list(enumerate(people)))]
    results = await asyncio.gather(
        *(writers[0].accept(entry) for entry in entries), *(writers[1].accept(entry) for entry in echoes)
    )
    for writer in writers:
        await writer.close()
    assert sum(len(result.new) for result in results) == 40
    assert await count(engine, "enrollments") == 40


async def test_a_full_queue_is_answered_busy(engine: AsyncEngine, make_entry: Any) -> None:
    writer = GroupCommit(engine.url, limit=4)
    waiting = [asyncio.create_task(writer.accept(make_entry(f"e{n}"))) for n in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Busy, match="its share of the deliveries"):
        await writer.accept(make_entry("one too many"))
    writer.start()
    await asyncio.gather(*waiting)
    await writer.close()


async def test_large_bodies_fill_the_queue_before_their_number_does(engine: AsyncEngine, make_entry: Any) -> None:
    writer = GroupCommit(engine.url)
    large = b"x" * (MAXIMUM_WAITING_BYTES // 16 + 1)
    entries = [make_entry(f"e{n}", f"p{n}@corp.example") for n in range(9)]
    waiting = [
        asyncio.create_task(writer.accept(replace(entry, delivery=replace(entry.delivery, body=large))))
        for entry in entries[:8]
    ]
    await asyncio.sleep(0)
    with pytest.raises(Busy, match="its share of the deliveries"):
        await writer.accept(entries[8])
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_writer_that_closes_takes_nothing_more(engine: AsyncEngine, make_entry: Any) -> None:
    writer = GroupCommit(engine.url)
    writer.start()
    await writer.close()
    with pytest.raises(Busy, match="stopping"):
        await writer.accept(make_entry("e1"))


async def test_a_process_that_is_asked_to_stop_takes_nothing_more_and_commits_what_waits(
    engine: AsyncEngine, make_entry: Any
) -> None:
    stopping = asyncio.Event()
    writer = GroupCommit(engine.url, stopping=stopping.is_set)
    waiting = writer.submit(make_entry("e1"))
    stopping.set()
    with pytest.raises(Busy, match="stopping"):
        await writer.accept(make_entry("e2"))
    writer.start()
    assert (await waiting).new
    await writer.close()


async def test_a_store_that_is_gone_is_answered_busy(make_entry: Any) -> None:
    writer = GroupCommit(make_url("postgresql+asyncpg://segue@/segue?host=/nonexistent"))
    writer.start()
    with pytest.raises(Busy):
        await writer.accept(make_entry("e1"))
    await writer.close()


async def test_a_lost_connection_is_answered_busy_and_made_again(
    writer: GroupCommit, engine: AsyncEngine, make_entry: Any
) -> None:
    await writer.accept(make_entry("e1", "one@corp.example"))
    async with engine.connect() as connection:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        await connection.execute(text(others + " AND datname = current_database()"))
    results = [await _accepted(writer, make_entry(f"again{n}", f"p{n}@corp.example")) for n in range(4)]
    assert results[-1]
    assert await count(engine, "enrollments") == 1 + sum(results)


async def _accepted(writer: GroupCommit, entry: Any) -> bool:
    try:
        return bool((await writer.accept(entry)).new)
    except Busy:
        return False


async def notified_by(engine: AsyncEngine, heard: asyncio.Queue[int]) -> str:
    """Return the statement of the connection that notified the workers."""
    pid = await heard.get()
    (query,) = await column(engine, f"SELECT query FROM pg_stat_activity WHERE pid = {pid}")  # noqa: S608  # a number
    return " ".join(query.split())


@pytest.fixture
async def heard(engine: AsyncEngine) -> AsyncIterator[asyncio.Queue[int]]:
    """The connections that notify the workers, in their order."""
    heard: asyncio.Queue[int] = asyncio.Queue()
    listening = await connect(engine.url)
    await listening.add_listener(ENROLLMENTS_READY, lambda _, pid, *__: heard.put_nowait(pid))
    yield heard
    await listening.close()


async def test_a_lone_delivery_wakes_the_workers_by_its_own_transaction(
    writer: GroupCommit, engine: AsyncEngine, make_entry: Any, heard: asyncio.Queue[int]
) -> None:
    await writer.accept(make_entry("e1"))
    assert (await notified_by(engine, heard)).startswith("WITH event_in")
    await writer.close()
    assert heard.empty()


async def test_the_workers_of_the_account_are_woken_and_those_that_look_up_thin_events(
    writer: GroupCommit, engine: AsyncEngine, make_entry: Any
) -> None:
    notified: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
    listening = await connect(engine.url)
    for name in (ENROLLMENTS_READY, THIN_EVENTS_READY):
        await listening.add_listener(name, lambda _, __, channel, payload: notified.put_nowait((channel, payload)))
    await writer.accept(make_entry("e1", account="main"))
    entry = make_entry("e2")
    (item,) = entry.events
    thin = replace(item, event=replace(item.event, thin=True), decisions=())
    await writer.accept(replace(entry, events=(thin,)))
    assert [await notified.get(), await notified.get()] == [(ENROLLMENTS_READY, "main"), (THIN_EVENTS_READY, "")]
    await listening.close()


async def test_a_delivery_without_work_wakes_no_worker(
    writer: GroupCommit, engine: AsyncEngine, make_entry: Any, heard: asyncio.Queue[int]
) -> None:
    await writer.accept(make_entry("e1"))
    await heard.get()
    await writer.accept(make_entry("e1"))
    await writer.accept(make_entry("e2", "another@corp.example"))
    assert (await notified_by(engine, heard)).startswith("WITH event_in")
    assert heard.empty()


async def test_under_load_workers_are_woken_by_a_transaction_apart(
    engine: AsyncEngine, make_entry: Any, heard: asyncio.Queue[int]
) -> None:
    writer = GroupCommit(engine.url)
    people = MAXIMUM_BATCH + 2 * WORTH_A_SECOND_LANE
    entries = [writer.accept(make_entry(f"e{n}", f"p{n}@corp.example")) for n in range(people)]
    waiting = asyncio.gather(*entries)
    await asyncio.sleep(0)
    writer.start()
    await waiting
    assert (await notified_by(engine, heard)).startswith("SELECT pg_notify(channel, payload)")
    await writer.close()


async def test_while_a_batch_is_written_few_records_wait_for_it(
    writer: GroupCommit, engine: AsyncEngine, make_entry: Any
) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("LOCK TABLE event_keys"))
        first = asyncio.create_task(writer.accept(make_entry("e0")))
        await until(lambda: writer._writing == 1)
        others = [asyncio.create_task(writer.accept(make_entry(f"e{n}"))) for n in range(1, WORTH_A_SECOND_LANE)]
        for _ in range(10):
            await asyncio.sleep(0)
        assert (writer._writing, len(writer._waiting)) == (1, WORTH_A_SECOND_LANE - 1)
        last = asyncio.create_task(writer.accept(make_entry("last")))
        await until(lambda: writer._writing == 2)
        assert not writer._waiting
    assert all(result.new for result in await asyncio.gather(first, *others, last))
