"""Transitions, written for many enrollments at once: one transaction, each enrollment's own result."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import asyncpg
from sqlalchemy import text

from app.enrollments.outcome import Change
from app.errors import FenceLost
from app.model import Sender, State
from tests.support.enrollments import rows, until_a_statement_waits, worker

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.enrollments.store import EnrollmentStore
    from app.model import Enrollment

PEOPLE = [f"p{number}@corp.example" for number in range(8)]
LATER = Change("held", "window")
REFUSED = Change("refused", "UNSUBSCRIBED")
ANNA = Sender("anna", "7001", "anna@acme.example")


async def move_all(store: EnrollmentStore, moves: list[tuple[Enrollment, State, Change]]) -> list[BaseException | None]:
    return await asyncio.gather(*(store.move(*move) for move in moves), return_exceptions=True)


async def test_transitions_at_the_same_time_are_one_transaction(engine: AsyncEngine, accept: Any) -> None:
    await accept(*PEOPLE)
    store = worker(engine)
    claimed = await store.claim_ready(100)
    after = [(State.ENROLLED, Change("enrolled")), (State.HELD, LATER), (State.REFUSED, REFUSED)] * 3
    moves = [(one, *change) for one, change in zip(claimed, after, strict=False)]
    assert await move_all(store, moves) == [None] * len(PEOPLE)
    assert await rows(engine, "SELECT count(DISTINCT xmin::text) FROM enrollments") == [(1,)]
    assert dict(await rows(engine, "SELECT id, state FROM enrollments")) == {one.id: to for one, to, _ in moves}
    written = await rows(engine, "SELECT enrollment_id, after FROM journal WHERE before = 'working' AND step <> 'x'")
    assert len([row for row in written if row[1] != "working"]) == len(PEOPLE)


async def test_one_that_another_worker_has_claimed_is_lost_alone(engine: AsyncEngine, accept: Any) -> None:
    await accept(*PEOPLE)
    store = worker(engine)
    claimed = await store.claim_ready(100)
    await rows(engine, f"UPDATE enrollments SET attempt = 7 WHERE id = '{claimed[3].id}'")  # noqa: S608  # ours
    results = await move_all(store, [(one, State.REFUSED, REFUSED) for one in claimed])
    assert [type(result) for result in results] == [type(None)] * 3 + [FenceLost] + [type(None)] * 4
    intents = {row[0] for row in await rows(engine, "SELECT enrollment_id FROM intents")}
    assert intents == {claimed[3].id}


async def test_one_that_postgresql_refuses_fails_alone(engine: AsyncEngine, accept: Any) -> None:
    await accept(*PEOPLE)
    store = worker(engine)
    claimed = await store.claim_ready(100)
    wrong = Change("enrolled", hubspot_enrollment_id="a\0b")
    changes = [wrong if number == 5 else Change("enrolled") for number in range(len(PEOPLE))]
    results = await move_all(store, [(one, State.ENROLLED, to) for one, to in zip(claimed, changes, strict=True)])
    assert [isinstance(result, asyncpg.DataError) for result in results] == [number == 5 for number in range(8)]
    assert await rows(engine, "SELECT count(*) FROM enrollments WHERE state = 'enrolled'") == [(7,)]


async def test_hubspots_words_are_kept_without_what_postgresql_does_not_take(engine: AsyncEngine, accept: Any) -> None:
    await accept("ada@corp.example")
    store = worker(engine)
    (claimed,) = await store.claim_ready(1)
    await store.move(claimed, State.PARKED, Change("parked", "SOME\0CODE", "half a \ud83d character"))
    assert await rows(engine, "SELECT reason, detail FROM enrollments") == [("SOME\ufffdCODE", "half a ? character")]


async def test_an_owner_that_was_given_is_remembered_however_the_attempt_ends(engine: AsyncEngine, accept: Any) -> None:
    await accept("ada@corp.example")
    store = worker(engine)
    (claimed,) = await store.claim_ready(1)
    await store.move(replace(claimed, gave_owner="77", contact_id="501"), State.HELD, LATER)
    assert await rows(engine, "SELECT gave_owner, contact_id FROM enrollments") == [("77", "501")]


async def test_successes_of_many_senders_end_their_rows_of_refusals(engine: AsyncEngine, accept: Any) -> None:
    await accept(*PEOPLE)
    store = worker(engine)
    claimed = await store.claim_ready(100)
    await rows(
        engine,
        "UPDATE enrollments SET sender = 'anna', sender_email = CASE WHEN email < 'p4' THEN 'Anna@acme.example'"
        " ELSE 'ben@acme.example' END",
    )
    await rows(
        engine,
        "INSERT INTO sender_pauses (account, inbox, refusals, paused_at, full_until) VALUES"
        " ('main', 'anna@acme.example', 2, NULL, NULL), ('main', 'ben@acme.example', 2, NULL, now() + '1 hour'),"
        " ('main', 'cid@acme.example', 2, NULL, NULL)",
    )
    assert await move_all(store, [(one, State.ENROLLED, Change("enrolled")) for one in claimed]) == [None] * 8
    kept = await rows(engine, "SELECT inbox, refusals FROM sender_pauses ORDER BY inbox")
    assert kept == [("ben@acme.example", 0), ("cid@acme.example", 2)]


async def test_a_transition_counts_where_those_that_wait_for_it_cannot_be_released(
    engine: AsyncEngine, accept: Any
) -> None:
    await accept("ada@corp.example", intent="demo")
    await accept("ada@corp.example", intent="trial", sequence="310003")
    store = worker(engine)
    (claimed,) = await store.claim_ready(1)
    await store.hold_blocked()
    await rows(
        engine,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION 'not now' USING ERRCODE = 'lock_not_available'; END $$",
    )
    await rows(
        engine,
        "CREATE TRIGGER refuse BEFORE INSERT ON journal FOR EACH ROW"
        " WHEN (new.cause = 'other_enrollment_ended') EXECUTE FUNCTION refuse()",
    )
    await store.move(claimed, State.ENROLLED, Change("enrolled"))
    assert await rows(engine, "SELECT state FROM enrollments ORDER BY id") == [("enrolled",), ("held",)]


async def test_transitions_that_deadlock_with_another_transaction_are_written_again(
    engine: AsyncEngine, accept: Any
) -> None:
    await accept(*PEOPLE[:2])
    store = worker(engine)
    enrolled, refused = await store.claim_ready(2)
    refused = replace(refused, sender=ANNA)
    await rows(engine, "UPDATE enrollments SET sender = 'ben', sender_email = 'ben@acme.example'")
    await rows(
        engine,
        "INSERT INTO sender_pauses (account, inbox, refusals) VALUES ('main', 'anna@acme.example', 1),"
        " ('main', 'ben@acme.example', 1)",
    )
    change = "UPDATE sender_pauses SET reason = 'other' WHERE inbox = '{}@acme.example'"
    async with engine.begin() as intents, engine.begin() as other:
        await intents.execute(text("SELECT FROM intents FOR UPDATE"))
        await other.execute(text("SET LOCAL deadlock_timeout = '1h'"))
        await other.execute(text(change.format("anna")))
        blames = Change("refused", "SENDER", blames_sender=True)
        moves = [(enrolled, State.ENROLLED, Change("enrolled")), (refused, State.REFUSED, blames)]
        moving = asyncio.create_task(move_all(store, moves))
        await until_a_statement_waits(engine)
        last = asyncio.create_task(other.execute(text(change.format("ben"))))
        await until_a_statement_waits(engine, number=2)
        await intents.rollback()
        await last
    assert await moving == [None, None]
    assert await rows(engine, "SELECT inbox, refusals FROM sender_pauses") == [("anna@acme.example", 2)]


async def test_one_that_begins_to_wait_in_the_transaction_that_ends_what_it_waits_for_goes_on(
    engine: AsyncEngine, accept: Any
) -> None:
    await accept(*PEOPLE[:2])
    store = worker(engine)
    first, second = [replace(one, contact_id="501") for one in await store.claim_ready(2)]
    waits = Change("held", "other_enrollment", f"it waits for {first.id} of the same contact")
    moves = [(first, State.ENROLLED, Change("enrolled")), (second, State.HELD, waits)]
    assert await move_all(store, moves) == [None, None]
    assert await rows(engine, "SELECT state FROM enrollments ORDER BY id") == [("enrolled",), ("ready",)]
