"""Enrollments that wait for another one of the same person: they block no work, and wait no longer than needed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from app.enrollments.operator_store import EnrollmentOperatorStore
from app.enrollments.outcome import Change
from app.model import State
from tests.support.enrollments import rows, worker

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.enrollments.store import EnrollmentStore

ADA = "ada@corp.example"
LATER = timedelta(days=36_500)
NOW_DUE = "UPDATE enrollments SET due_at = clock_timestamp() WHERE reason = 'other_enrollment'"
# People of the same kind as one that there is, each with a row of their own.
MANY = """
    INSERT INTO enrollments (id, email, decision_id, event_id, delivery_id, source, rule, account, sequence, plan,
                             properties, require, intent, received_at, heard_at, created_at, updated_at, state, reason,
                             due_at, priority)
    SELECT id || n, 'p' || n || '@x.example', decision_id, event_id, delivery_id, source, rule, account, sequence, plan,
           properties, require, intent, received_at, heard_at, created_at, updated_at, state, reason, due_at, priority
    FROM enrollments, generate_series(1, 1000) AS n
"""


async def accept_behind(accept: Any) -> None:
    """Accept one that waits for long, and one of the same person that waits for it."""
    await accept(ADA, intent="high", priority=10, delay=LATER, expires_after=2 * LATER)
    await accept(ADA, intent="low", sequence="310002")


async def look(store: EnrollmentStore) -> None:
    """Do what a worker does every second."""
    await store.expire()
    await store.release_due()
    await store.hold_blocked()


async def low(engine: AsyncEngine) -> Any:
    (row,) = await rows(engine, "SELECT state, reason, detail, due_at FROM enrollments WHERE intent = 'low'")
    return row


async def journal(engine: AsyncEngine) -> list[Any]:
    return await rows(engine, "SELECT enrollment_id, cause FROM journal ORDER BY id")


async def test_an_enrollment_that_waits_for_no_other_is_claimed_first_however_many_wait(
    engine: AsyncEngine, accept: Any
) -> None:
    await accept_behind(accept)
    await rows(engine, MANY)
    await accept("free@corp.example")
    (claimed,) = await worker(engine).claim_ready(100)
    assert claimed.email == "free@corp.example"


async def test_an_enrollment_that_waits_is_held_and_says_for_which(engine: AsyncEngine, accept: Any) -> None:
    await accept_behind(accept)
    await rows(engine, MANY)
    store = worker(engine)
    for _ in range(2):
        await store.hold_blocked()
    waiting = await rows(engine, "SELECT state, reason, detail FROM enrollments WHERE intent = 'low' ORDER BY email")
    ((high,),) = await rows(engine, "SELECT min(id) FROM enrollments WHERE intent = 'high'")
    assert waiting[0] == ("held", "other_enrollment", f"it waits for {high} of the same person")
    assert {(row.state, row.reason) for row in waiting} == {("held", "other_enrollment")}
    assert len(waiting) == 1001


async def test_going_on_waiting_is_not_written_down_again_and_again(engine: AsyncEngine, accept: Any) -> None:
    await accept_behind(accept)
    store = worker(engine)
    await look(store)
    before = await journal(engine)
    for _ in range(10):
        await rows(engine, NOW_DUE)
        await look(store)
        assert await store.claim_ready(10) == []
    assert await journal(engine) == before
    ((wait,),) = await rows(engine, "SELECT due_at - clock_timestamp() FROM enrollments WHERE intent = 'low'")
    assert timedelta(minutes=59) < wait <= timedelta(hours=1)


async def test_an_enrollment_that_waits_for_one_in_progress_looks_again_after_a_minute(
    engine: AsyncEngine, accept: Any
) -> None:
    await accept(ADA, intent="first")
    store = worker(engine)
    await store.claim_ready(1)
    await accept(ADA, intent="low")
    await look(store)
    await rows(engine, NOW_DUE)
    await look(store)
    ((wait,),) = await rows(engine, "SELECT due_at - clock_timestamp() FROM enrollments WHERE intent = 'low'")
    assert wait <= timedelta(minutes=1)


@pytest.mark.parametrize("way", ["cancelled", "cancelled with others", "expired"])
async def test_an_enrollment_that_waited_for_one_that_is_gone_goes_at_once(
    engine: AsyncEngine, accept: Any, way: str
) -> None:
    await accept_behind(accept)
    store, acts = worker(engine), EnrollmentOperatorStore(engine)
    await look(store)
    ((high,),) = await rows(engine, "SELECT id FROM enrollments WHERE intent = 'high'")
    if way == "cancelled":
        assert await acts.cancel(high)
    elif way == "cancelled with others":
        await rows(engine, "UPDATE enrollments SET rule = 'other' WHERE intent = 'high'")
        assert await acts.cancel_waiting(email=None, rule="other") == 1
    else:
        await rows(engine, "UPDATE enrollments SET expires_at = clock_timestamp() WHERE intent = 'high'")
        assert list(await store.expire()) == [high]
    (claimed,) = await store.claim_ready(10)
    assert claimed.sequence == "310002"
    assert (await low(engine)).detail is None


async def test_an_enrollment_that_waits_is_not_woken_by_one_that_goes_on_waiting(
    engine: AsyncEngine, accept: Any
) -> None:
    await accept_behind(accept)
    store = worker(engine)
    await look(store)
    await rows(engine, "UPDATE enrollments SET due_at = clock_timestamp() WHERE intent = 'high'")
    await store.release_due()
    (claimed,) = await store.claim_ready(10)
    await store.move(claimed, State.HELD, Change("held", "window", due_at=claimed.received_at + LATER))
    assert (await low(engine)).state == "held"
    assert [cause for _, cause in await journal(engine)].count("other_enrollment_ended") == 0


async def test_of_those_who_waited_the_first_goes_and_the_next_waits_for_that(engine: AsyncEngine, accept: Any) -> None:
    await accept(ADA, intent="first")
    store = worker(engine)
    (first,) = await store.claim_ready(1)
    for intent, priority in (("low", 0), ("high", 10)):
        await accept(ADA, intent=intent, sequence=intent, priority=priority)
    await look(store)
    await store.move(first, State.REFUSED, Change("refused", "UNSUBSCRIBED"))
    (claimed,) = await store.claim_ready(10)
    assert claimed.sequence == "high"
    await rows(engine, NOW_DUE)
    await look(store)
    assert (await low(engine)).state == "held"
    await store.move(claimed, State.REFUSED, Change("refused", "UNSUBSCRIBED"))
    (claimed,) = await store.claim_ready(10)
    assert claimed.sequence == "low"


async def test_a_wake_up_that_got_lost_is_made_good_when_its_time_has_come(engine: AsyncEngine, accept: Any) -> None:
    await accept_behind(accept)
    store = worker(engine)
    await look(store)
    await rows(engine, "UPDATE enrollments SET state = 'cancelled' WHERE intent = 'high'")
    assert await store.release_due() == 0
    await rows(engine, NOW_DUE)
    assert await store.release_due() == 1
    assert len(await store.claim_ready(10)) == 1
