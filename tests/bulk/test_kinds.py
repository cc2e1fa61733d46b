"""Jobs that decide events again, and jobs that send outbound events again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from app.bulk.filters import Filter
from app.bulk.run import BulkRunner
from tests.support.decided_again import DEMO
from tests.support.decided_again import Desk as Deciding

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from tests.bulk.conftest import Desk

NEVER = DEMO.replace("type: [a, b]", "type: [a, b]\n    when: event.data.employees > 1000")
MENDED = DEMO.replace("310001", "310002")
PARK = "UPDATE enrollments SET state = 'parked', reason = 'SEQUENCE_ID_INVALID' WHERE state = 'ready'"


@pytest.fixture
async def deciding(engine: AsyncEngine) -> Deciding:
    deciding = Deciding(engine)
    for number in range(7):
        await deciding.accept(str(number), email=f"p{number}@corp.example")
    await deciding.run(PARK)
    return deciding


async def test_parked_ones_are_replaced_by_what_the_rules_say_now(desk: Desk, deciding: Deciding) -> None:
    deciding.mend(MENDED)
    desk.rules = lambda: deciding.rules
    job = await desk.ask("release_as_rules_now", Filter(reason="SEQUENCE_ID_INVALID"))
    await desk.work()
    assert (await desk.job(job.id)).outcomes == {"replaced": 7}
    assert await desk.run("SELECT state, sequence, count(*) FROM enrollments GROUP BY 1, 2 ORDER BY 1") == [
        ("cancelled", "310001", 7),
        ("ready", "310002", 7),
    ]
    noted = "SELECT count(*) FROM journal WHERE before IS NULL AND after = 'ready' AND detail LIKE '%' || (:job) || '%'"
    assert await desk.run(noted.replace(":job", f"'{job.id}'")) == [(7,)]
    assert len(await desk.run("SELECT * FROM audit")) == 2  # one when it was asked, one when it ended


async def test_what_the_rules_do_not_want_any_more_stays_parked(desk: Desk, deciding: Deciding) -> None:
    deciding.mend(NEVER)
    desk.rules = lambda: deciding.rules
    job = await desk.ask("release_as_rules_now", Filter(rule="demo"))
    await desk.work()
    assert (await desk.job(job.id)).outcomes == {"not_replaced": 7}
    assert await desk.states() == {"parked": 7}


async def test_a_chunk_of_decisions_is_undone_as_a_whole_and_done_once(desk: Desk, deciding: Deciding) -> None:
    deciding.mend(MENDED)
    desk.rules = lambda: deciding.rules
    await desk.ask("release_as_rules_now", Filter(rule="demo"))
    # The last one cannot be decided: what the others came to must not stay.
    await desk.run("""
        CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not now'; END $$;
    """)
    await desk.run("""
        CREATE TRIGGER no BEFORE INSERT ON decisions FOR EACH ROW WHEN (NEW.email = 'p6@corp.example')
        EXECUTE FUNCTION no()
    """)
    with pytest.raises(Exception, match="not now"):
        await BulkRunner(desk.store()).once()
    assert await desk.states() == {"parked": 7}
    await desk.run("DROP TRIGGER no ON decisions")
    await desk.work()
    assert await desk.states() == {"ready": 7, "cancelled": 7}


INSERT = text("""
    INSERT INTO outbound (id, endpoint, kind, body, state, tries, due_at, created_at, updated_at)
    SELECT 'out_' || lpad(CAST(n AS text), 6, '0'), CASE WHEN n % 4 = 0 THEN 'other' ELSE 'crm' END,
           CASE WHEN n % 5 = 0 THEN 'forgotten' ELSE 'enrolled' END, 'x',
           CASE WHEN n % 3 = 0 THEN 'delivered' ELSE 'failed' END, 9, now(), now() - n * interval '1 minute', now()
    FROM generate_series(1, 60) AS n
""")


async def test_outbound_events_of_an_endpoint_are_sent_again(desk: Desk) -> None:
    async with desk.engine.begin() as connection:
        await connection.execute(INSERT)
    since = datetime.now(UTC) - timedelta(minutes=30, seconds=30)
    given = Filter(endpoint="crm", states=("failed", "delivered"), since=since)
    shown = await desk.asking.preview("replay_outbound", given, role="admin")
    # Of 30, seven are of the other endpoint, and two that say that a person was forgotten were taken.
    assert (shown.count, shown.may_have_been_sent, "body" in shown.first[0]) == (21, 0, False)
    job = await desk.ask("replay_outbound", given)
    await desk.run("UPDATE outbound SET state = 'sending' WHERE id = 'out_000001'")
    await desk.work()
    assert (await desk.job(job.id)).outcomes == {"replayed": 20}
    assert await desk.run("SELECT count(*), sum(tries) FROM outbound WHERE state = 'waiting'") == [(20, 0)]
