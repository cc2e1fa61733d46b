"""Hours are counted whole from their rows, whatever changes them and whenever."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from app.clock import utc_now
from app.database.history import prune_history
from app.errors import FenceLost
from app.tallies.recount import Recount
from app.tallies.store import Turn
from tests.support.decided_again import DEMO
from tests.tallies.conftest import NOW, Counting, store

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

HOUR = timedelta(hours=1)
NO_MATCH = DEMO + "    when: event.data.employees > 800\n"
ENROLLED = """
    WITH moved AS (UPDATE enrollments SET state = 'enrolled', sender = 'anna' WHERE state = 'ready' RETURNING id)
    INSERT INTO journal (enrollment_id, at, before, after, attempt, cause)
    SELECT id, clock_timestamp(), 'ready', 'enrolled', 1, 'enrolled' FROM moved
"""
REPLIED = """
    WITH moved AS (UPDATE enrollments SET replied_at = now(), ended = 'finished', ended_known = true,
                          updated_at = now() WHERE state = 'enrolled' RETURNING id)
    INSERT INTO journal (enrollment_id, at, before, after, attempt, cause)
    SELECT id, clock_timestamp(), 'enrolled', 'enrolled', 1, 'replied' FROM moved
"""


async def test_each_event_is_counted_in_the_hour_in_which_it_came(counting: Counting) -> None:
    desk = counting.at(NOW - 3 * HOUR)
    await desk.send("1", email="ada@corp.example")
    desk.mend(NO_MATCH)
    await counting.at(NOW - HOUR - timedelta(milliseconds=1)).send("2", email="bob@corp.example")
    await counting.at(NOW - HOUR).send("3", email="not an address")
    await counting.count()
    assert await counting.stages(NOW - 3 * HOUR) == {"verified": 1, "waiting": 1}
    assert await counting.stages(NOW - 2 * HOUR) == {"verified": 1, "unmatched/no_match": 1}
    assert await counting.stages(NOW - HOUR) == {"verified": 1, "unmatched/no_match": 1}


async def test_why_nothing_is_asked_for_is_a_class(counting: Counting) -> None:
    desk = counting.at(NOW)
    await desk.send("1")
    await desk.send("2")  # the same person, the same intent
    await desk.send("3", email="not an address")
    await desk.send("4", email="eve@corp.example", dropped="it has no id")
    desk.mend(DEMO.replace('enroll: {sequence: "310001", sender: anna}', "ignore: true").replace("dedupe", "#"))
    await desk.send("5")
    await counting.count()
    assert await counting.stages() == {
        "verified": 5,
        "waiting": 1,
        "ineligible/intent_taken": 1,
        "unmatched/no_address": 1,
        "unmatched/dropped": 1,
        "unmatched/ignored": 1,
    }


async def test_a_reply_after_three_weeks_changes_the_hour_of_the_event(counting: Counting) -> None:
    hour = NOW - timedelta(days=21)
    await counting.at(hour).send()
    await counting.count()
    await counting.desk.run(ENROLLED)
    await counting.count()
    await counting.at(NOW).send("2", email="bob@corp.example")
    await counting.desk.run(REPLIED)
    await counting.count()
    assert await counting.stages(hour) == {"verified": 1, "enrolled": 1, "ended/finished": 1, "replied": 1}
    known = await counting.desk.run("SELECT stage, known, sender FROM tallies WHERE stage IN ('ended', 'replied')")
    assert sorted(known) == [("ended", True, "anna"), ("replied", False, "anna")]


async def test_what_is_decided_again_counts_once(counting: Counting) -> None:
    counting.at(NOW - 5 * HOUR).mend(NO_MATCH)
    event = await counting.desk.accept()
    await counting.count()
    counting.at(NOW).mend(DEMO)
    await counting.desk.decide(event)
    await counting.count()
    assert await counting.stages(NOW - 5 * HOUR) == {"verified": 1, "waiting": 1}
    await counting.desk.run(ENROLLED)
    counting.desk.mend(DEMO.replace("310001", "310003"))
    await counting.desk.decide(event)  # it stands, since it may have been sent: "no: duplicate"
    await counting.count()
    assert await counting.stages() == {"verified": 1, "enrolled": 1}


async def test_an_enrollment_whose_place_another_one_took_is_not_counted(counting: Counting) -> None:
    event = await counting.at(NOW - 5 * HOUR).accept()
    await counting.desk.run(ENROLLED.replace("state = 'enrolled'", "state = 'refused', reason = 'UNSUBSCRIBED'"))
    await counting.count()
    assert await counting.stages() == {"verified": 1, "refused/UNSUBSCRIBED": 1}
    counting.desk.mend(DEMO.replace("310001", "310003"))
    await counting.desk.decide(event)
    await counting.count()
    assert await counting.stages() == {"verified": 1, "waiting": 1}


async def test_counting_again_changes_nothing(counting: Counting) -> None:
    await counting.at(NOW).send()
    await counting.count()
    before = await counting.cells()
    turn = await store(counting.engine).take_turn()
    assert turn is not None
    assert await store(counting.engine).recount(turn, NOW) == 0
    assert await counting.cells() == before


async def test_where_nothing_happened_nothing_is_written(counting: Counting) -> None:
    await counting.at(NOW - timedelta(days=2)).send()
    await counting.count()
    # As if the last turn had been a while ago: ids that are not much older than it are looked at once more.
    await counting.desk.run("UPDATE tally_state SET decided_until = decided_until + interval '20 minutes'")
    read = "SELECT turn, ran_at FROM tally_state"
    before = await counting.desk.run(read)
    await counting.count()
    assert await counting.desk.run(read) == before


async def test_two_replicas_do_not_count_at_once(counting: Counting) -> None:
    one, two = store(counting.engine, "one"), store(counting.engine, "two")
    await counting.at(NOW).send()
    turn = await one.take_turn()
    assert turn is not None
    assert await two.take_turn() is None
    assert await Recount(two).run() is None
    assert await counting.cells() == []
    await one.end_turn(turn)
    assert await two.take_turn() is not None


async def test_a_replica_that_lost_its_turn_writes_nothing(counting: Counting) -> None:
    one, two = store(counting.engine, "one"), store(counting.engine, "two")
    await counting.at(NOW).send()
    lost = await one.take_turn()
    await counting.lease_over()
    assert lost is not None
    assert isinstance(await two.take_turn(), Turn)
    with pytest.raises(FenceLost):
        await one.recount(lost, NOW)
    with pytest.raises(FenceLost):
        await one.advance(lost, await one.changed(lost))
    with pytest.raises(FenceLost):
        await one.rebuild(lost, NOW)
    await one.end_turn(lost)
    assert await store(counting.engine, "three").take_turn() is None
    assert await counting.cells() == []


async def test_many_replicas_that_count_together_come_to_the_same_cells(counting: Counting) -> None:
    for number in range(6):
        await counting.at(NOW - (6 - number) * HOUR).send(str(number), email=f"p{number}@corp.example")
    await asyncio.gather(*(Recount(store(counting.engine, f"w{number}")).run() for number in range(4)))
    await counting.count()
    found = await counting.cells()
    assert [row[9] for row in found] == [1] * 12
    assert found == await counting.rebuilt()


async def test_a_line_that_is_committed_late_is_not_passed_over(counting: Counting, engine: AsyncEngine) -> None:
    hour = NOW - timedelta(days=3)
    await counting.at(hour).send("1", email="ada@corp.example")
    await counting.at(hour + HOUR).send("2", email="bob@corp.example")
    await counting.count()
    change = """
        WITH moved AS (UPDATE enrollments SET state = 'parked', reason = 'no_sender' WHERE email = :email RETURNING id)
        INSERT INTO journal (enrollment_id, at, before, after, attempt, cause)
        SELECT id, statement_timestamp(), 'working', 'parked', 1, 'parked' FROM moved
    """
    async with engine.begin() as slow:
        await slow.execute(text(change), {"email": "ada@corp.example"})
        async with engine.begin() as quick:
            await quick.execute(text(change), {"email": "bob@corp.example"})
        await counting.count()
    await counting.count()
    assert await counting.stages(hour) == {"verified": 1, "parked/no_sender": 1}
    assert await counting.stages(hour + HOUR) == {"verified": 1, "parked/no_sender": 1}


async def test_a_process_that_stops_leaves_the_rest_to_the_next_turn(counting: Counting) -> None:
    await counting.count()
    for number in range(4):
        await counting.at(NOW - timedelta(days=9 - number)).send(str(number), email=f"p{number}@corp.example")
    asked = iter((False, False))
    recount = Recount(store(counting.engine), stopping=lambda: next(asked, True))
    assert await recount.run() is None
    assert await counting.stages() == {"verified": 2, "waiting": 2}
    await counting.count()
    assert await counting.stages() == {"verified": 4, "waiting": 4}


async def test_rows_are_deleted_only_after_a_count_of_their_hour(counting: Counting) -> None:
    await counting.at(NOW - timedelta(days=500)).send()
    turn = await store(counting.engine).take_turn()
    assert turn is not None
    async with counting.engine.begin() as connection:
        await store(counting.engine)._recount(connection, turn, NOW - timedelta(days=500))
        pruning = asyncio.create_task(prune_history(counting.engine, age=timedelta(days=400), now=utc_now()))
        waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        while await counting.desk.run(waits) == [(0,)]:  # a transaction of its own: it sees one state of sessions
            assert not pruning.done()
    await pruning
    assert await counting.stages() == {"verified": 1, "waiting": 1}
    assert await store(counting.engine).recount(turn, NOW - timedelta(days=500)) == 0


async def test_a_page_of_the_journal_after_the_other_is_counted(counting: Counting) -> None:
    await counting.count()
    for number in range(5):
        await counting.at(NOW - timedelta(days=9 - number)).send(str(number), email=f"p{number}@corp.example")
    await counting.count(lines=2)
    assert await counting.stages() == {"verified": 5, "waiting": 5}


async def test_a_database_that_was_never_counted_is_counted_from_its_first_event_on(counting: Counting) -> None:
    for days in (300, 20, 1):
        await counting.at(NOW - timedelta(days=days)).send(str(days), email=f"p{days}@corp.example")
    await counting.count()
    hours = [row[0] for row in await counting.cells()]
    assert hours[::2] == [NOW - timedelta(days=days) for days in (300, 20, 1)]
    assert await counting.desk.run("SELECT rebuild_next FROM tally_state") == [(None,)]


async def test_a_rebuild_takes_away_cells_of_which_no_row_is_left(counting: Counting) -> None:
    await counting.at(NOW - HOUR).send()
    await counting.count()
    written = await counting.cells()
    await counting.desk.run(
        "INSERT INTO tallies SELECT hour - interval '9 days', stage, source, rule, account, sequence, sender, reason,"
        " known, n FROM tallies"
    )
    await store(counting.engine).ask_rebuild(NOW - timedelta(days=30))
    await counting.count()
    assert await counting.cells() == written


async def test_hours_of_which_rows_were_deleted_stay_as_they_were_counted(counting: Counting) -> None:
    old = NOW - timedelta(days=500)
    await counting.at(old).send("1", email="ada@corp.example")
    await counting.at(NOW - timedelta(days=100)).send("2", email="bob@corp.example")
    await counting.desk.run(ENROLLED)
    await counting.count()
    before = await counting.cells()
    await counting.desk.run("UPDATE events SET received_at = now() - interval '500 days'")
    await counting.desk.run("UPDATE enrollments SET updated_at = now() - interval '500 days'")
    await counting.desk.run("DELETE FROM intents")
    await prune_history(counting.engine, age=timedelta(days=400), now=utc_now())
    assert await counting.desk.run("SELECT count(*) FROM enrollments") == [(1,)]
    await store(counting.engine).ask_rebuild(old)
    await counting.count()
    assert await counting.cells() == before


async def test_what_was_deleted_before_the_first_count_is_not_counted_in_part(counting: Counting) -> None:
    await counting.at(NOW - timedelta(days=500)).send("1", email="ada@corp.example")
    await counting.at(NOW).send("2", email="bob@corp.example")
    await counting.count(history=timedelta(days=400))
    assert {row[0] for row in await counting.cells()} == {NOW}


async def test_reasons_and_types_that_are_no_classes_are_other(counting: Counting) -> None:
    await counting.at(NOW).send(kind="a")
    await counting.desk.run("UPDATE events SET type = 'signup of ada@corp.example'")
    await counting.desk.run("UPDATE enrollments SET state = 'parked', reason = 'HubSpot says: no, Ada!'")
    await counting.count()
    reasons = await counting.desk.run("SELECT stage, reason FROM tallies ORDER BY stage")
    assert reasons == [("parked", "other"), ("verified", "other")]


async def test_an_hour_has_no_more_cells_than_it_may(counting: Counting) -> None:
    for number in range(9):
        counting.at(NOW).mend(DEMO.replace("id: demo", f"id: r{number % 5}").replace("310001", f"31000{number}"))
        await counting.desk.send(str(number), email=f"p{number}@corp.example")
    await counting.count(most_cells=3)
    rows = await counting.desk.run("SELECT stage, source, rule, n FROM tallies ORDER BY stage, rule")
    assert ("waiting", "other", "other", 7) in rows
    assert await counting.stages() == {"verified": 9, "waiting": 2, "waiting/other": 7}


async def test_a_person_who_is_forgotten_is_counted_as_before(counting: Counting) -> None:
    await counting.at(NOW - HOUR).send()
    await counting.desk.run(ENROLLED)
    counting.desk.mend(NO_MATCH)
    await counting.desk.send("2")
    await counting.count()
    before = await counting.cells()
    from app.people.erase_statements import ERASE  # noqa: PLC0415  # only here

    ids = {
        name: [row[0] for row in await counting.desk.run(f"SELECT id FROM {name}")]  # noqa: S608  # ours
        for name in ("events", "enrollments", "deliveries")
    }
    async with counting.engine.begin() as connection:
        for name in ("events", "cancelled", "enrollments", "journal", "decisions"):
            wanted = {key: ids[key] for key in ids if f":{key}" in ERASE[name]}
            await connection.execute(text(ERASE[name]), wanted)
    assert await counting.rebuilt() == before
