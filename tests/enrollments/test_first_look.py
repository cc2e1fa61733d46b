"""What the transaction that claims enrollments decides of them, and what happens when it cannot."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from app.enrollments.claim_store import Looks
from app.enrollments.first_look import FirstLook
from app.enrollments.store import EnrollmentStore
from app.hubspot.rate_limit_store import StoredRateLimit
from app.hubspot.windows import DAILY
from app.model import State
from app.people.suppression import read
from app.people.suppression_store import SuppressionStore
from tests.support.direct import direct
from tests.support.enrollments import rows, until_a_statement_waits

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from tests.conftest import MakeEntry
    from tests.support.road import Road


async def test_a_claim_chooses_the_sender_in_its_own_transaction(road: Road, make_entry: MakeEntry) -> None:
    for number in range(6):
        await road.accept(make_entry(f"e{number}", f"p{number}@x.example", sender="turns"))
    assert len(await road.enrollments.claim_ready(10)) == 6
    assigned = await road.run("SELECT sender, step, attempt FROM enrollments ORDER BY id")
    assert assigned == [("anna", "assigned", 1), ("ben", "assigned", 1)] * 3
    assert await road.run("SELECT count(DISTINCT xmin::text) FROM enrollments") == [(1,)]


async def test_who_is_suppressed_gets_no_sender_and_is_refused_without_a_call(
    road: Road, make_entry: MakeEntry
) -> None:
    await SuppressionStore(road.engine).add(read("ada@corp.example"), None)
    await road.accept(make_entry("e1", "ada@corp.example"))
    assert await road.enroll() == ("refused", "suppressed")
    assert await road.run("SELECT sender FROM enrollments") == [(None,)]
    assert road.calls == []


async def test_who_was_suppressed_under_a_former_form_of_the_address_is_refused_without_a_call(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.run(
        "INSERT INTO suppressions (value, kind, created_at) VALUES ('strasse.example', 'domain', clock_timestamp())"
    )
    await road.accept(make_entry("e1", "ada@xn--strae-oqa.example"))
    assert await road.enroll() == ("refused", "suppressed")
    assert road.calls == []


async def test_a_claim_tells_whom_an_entry_matches(road: Road, make_entry: MakeEntry) -> None:
    for entry in ("ada@corp.example", "firm.example", "*@x.*"):
        await SuppressionStore(road.engine).add(read(entry), None)
    emails = ("ada@corp.example", "bob@corp.example", "cyd@firm.example", "dan@x.example", "eve@sub.firm.example")
    for number, email in enumerate(emails):
        await road.accept(make_entry(f"e{number}", email))
    claimed = await road.enrollments.claim_ready(10)
    assert {one.email for one in claimed if one.is_listed} == {emails[0], emails[2], emails[3]}


async def test_who_is_suppressed_after_the_claim_is_not_sent(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1", "ada@corp.example"))
    (claimed,) = await road.enrollments.claim_ready(1)
    await SuppressionStore(road.engine).add(read("ada@corp.example"), None)
    await road.enroller.enroll(claimed)
    assert await road.state() == ("refused", "suppressed")
    assert await road.control("ledger") == []


@pytest.mark.parametrize("statement", ["SELECT 1 / 0", None])
async def test_what_cannot_be_looked_at_is_claimed_all_the_same(
    engine: AsyncEngine, accept: Any, statement: str | None
) -> None:
    async def look(connection: Any, _: Any) -> Any:
        if statement is None:
            raise LookupError("a defect")
        await connection._connection.fetch(statement)

    await accept("ada@corp.example", "bob@corp.example")
    store = EnrollmentStore(direct(engine), account="main", worker="one", lease=15.0, looks=Looks(first=look))
    assert len(await store.claim_ready(10)) == 2
    assert await rows(engine, "SELECT DISTINCT state, attempt FROM enrollments") == [("working", 1)]


def looking(road: Road, permits: Any) -> tuple[EnrollmentStore, FirstLook]:
    """A store whose claims choose senders and take permits, and what it found."""
    before = road.enroller.preparer.first_look
    first_look = FirstLook(before.eligibility, before.senders, permits)
    looks = Looks(first=first_look.look)
    return EnrollmentStore(direct(road.engine), account="main", worker="one", lease=15.0, looks=looks), first_look


async def test_a_claim_chooses_senders_also_while_hubspot_has_paused_the_account(
    road: Road, make_entry: MakeEntry
) -> None:
    rate_limit = StoredRateLimit(direct(road.engine), account="main")
    await rate_limit.acquire()
    rate_limit.throttled(DAILY, None)
    await rate_limit.close()
    store, _ = looking(road, rate_limit.give_ahead)
    await road.accept(make_entry("e1", "ada@corp.example", sender="turns"))
    assert len(await store.claim_ready(10)) == 1
    assert await road.run("SELECT sender, step FROM enrollments") == [("anna", "assigned")]


async def test_a_sender_whose_transaction_was_rolled_back_is_chosen_anew(road: Road, make_entry: MakeEntry) -> None:
    async def fail(connection: Any, _: int) -> Any:
        await connection._connection.fetch("SELECT 1 / 0")

    store, first_look = looking(road, fail)
    await road.accept(make_entry("e1", "ada@corp.example", sender="turns"))
    (claimed,) = await store.claim_ready(10)
    assert await road.run("SELECT sender, attempt FROM enrollments") == [(None, 1)]
    assert (await first_look.assign(claimed, {})).name == "anna"
    assert await road.run("SELECT sender, step FROM enrollments") == [("anna", "assigned")]


async def test_a_claim_locks_all_its_pools_in_one_order_those_of_new_enrollments_and_of_others(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.accept(make_entry("e1", "ada@corp.example", sender="left"))
    assert len(await road.enrollments.claim_ready(10)) == 1
    await road.run("UPDATE enrollments SET state = 'ready', step = NULL, due_at = clock_timestamp()")
    await road.accept(make_entry("e2", "bob@corp.example", sender="turns"))
    await road.run("INSERT INTO pool_turns (account, pool) VALUES ('main', 'turns') ON CONFLICT DO NOTHING")
    async with road.engine.begin() as other:
        await other.execute(text("SELECT FROM pool_turns WHERE pool = 'left' FOR UPDATE"))
        claim = asyncio.create_task(road.enrollments.claim_ready(10))
        await until_a_statement_waits(road.engine)
        await other.execute(text("SELECT FROM pool_turns WHERE pool = 'turns' FOR UPDATE NOWAIT"))
    assert len(await claim) == 2
    assert await road.run("SELECT step FROM enrollments") == [("assigned",)] * 2


async def test_an_assignment_that_still_runs_at_the_end_keeps_no_enrollment_from_being_handed_back(
    road: Road, make_entry: MakeEntry
) -> None:
    first_look = road.enroller.preparer.first_look
    looks = Looks(close=first_look.close)
    store = EnrollmentStore(direct(road.engine), account="main", worker="one", lease=15.0, looks=looks)
    await road.run("INSERT INTO pool_turns (account, pool) VALUES ('main', 'turns')")
    await road.accept(make_entry("e1", "ada@corp.example", sender="turns"))
    (claimed,) = await store.claim_ready(10)
    async with road.engine.begin() as other:
        await other.execute(text("SELECT FROM pool_turns FOR UPDATE"))
        assigning = asyncio.create_task(first_look.assign(claimed, {}))
        await until_a_statement_waits(road.engine)
        assigning.cancel()
        await store.close()
        assert await store.reclaim_expired(first_read=1.0, leaving=True) == {claimed.id: State.READY}
