"""What is cancelled, while workers look at the same rows; and what becomes of its intent."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from app.enrollments import one_per_person_statements as one_per_person
from app.enrollments import statements as sql
from app.enrollments.operator_store import EnrollmentOperatorStore
from app.enrollments.outcome import Change
from app.model import Baseline, Sender, State, Step
from app.people.identity import Person
from tests.support.enrollments import rows, until_a_statement_waits, worker

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from sqlalchemy.ext.asyncio import AsyncEngine

LATER = timedelta(days=36_500)


@pytest.mark.parametrize("found", ["of the person", "of the rule"])
async def test_an_enrollment_that_is_being_released_is_cancelled_all_the_same(
    engine: AsyncEngine, accept: Any, found: str
) -> None:
    await accept("ada@corp.example", delay=LATER)
    await rows(engine, "UPDATE enrollments SET due_at = clock_timestamp()")
    whose = {"email": "ada@corp.example", "rule": None} if found == "of the person" else {"email": None, "rule": "demo"}
    async with engine.connect() as connection:
        await connection.execute(one_per_person.RELEASE_DUE)
        cancelling = asyncio.create_task(EnrollmentOperatorStore(engine).cancel_waiting(**whose))
        await until_a_statement_waits(engine)
        await connection.commit()
    assert await cancelling == 1
    assert await worker(engine).claim_ready(10) == []
    assert await rows(engine, "SELECT after FROM journal ORDER BY id") == [("held",), ("ready",), ("cancelled",)]


async def test_an_enrollment_that_was_claimed_meanwhile_is_not_cancelled(engine: AsyncEngine, accept: Any) -> None:
    await accept("ada@corp.example")
    async with engine.connect() as connection:
        values = {"account": "main", "worker": "one", "lease": 15.0, "limit": 10}
        await connection.execute(sql.CLAIM_READY, values)
        cancelling = asyncio.create_task(
            EnrollmentOperatorStore(engine).cancel_waiting(email="ada@corp.example", rule=None)
        )
        await until_a_statement_waits(engine)
        await connection.commit()
    assert await cancelling == 0
    assert await rows(engine, "SELECT state FROM enrollments") == [("working",)]
    assert len(await rows(engine, "SELECT * FROM intents")) == 1


async def test_leases_are_renewed_in_the_order_in_which_rows_are_cancelled(engine: AsyncEngine, accept: Any) -> None:
    await accept("ada@corp.example", "bob@corp.example")
    store = worker(engine)
    first, second = await store.claim_ready(10)
    async with engine.connect() as connection:
        await connection.execute(text(f"SELECT FROM enrollments WHERE id = '{first.id}' FOR UPDATE"))
        renewing = asyncio.create_task(store.renew_leases([second, first]))
        await until_a_statement_waits(engine)
        free = await rows(engine, "SELECT id FROM enrollments FOR UPDATE SKIP LOCKED")
        await connection.commit()
    assert [row.id for row in free] == [second.id]
    assert await renewing == {first.id, second.id}


@pytest.mark.parametrize("way", ["cancelled", "expired", "cancelled by a rule"])
async def test_intents_are_freed_in_the_order_in_which_they_are_taken(
    engine: AsyncEngine, accept: Any, way: str
) -> None:
    for intent in "hgfedcba":
        await accept("ada@corp.example", intent=intent, delay=LATER, expires_after=LATER)
    await accept("ada@corp.example", intent="leaves", action="cancel", priority=100)
    (leaving,) = await worker(engine).claim_ready(10)
    if way == "expired":
        await rows(engine, "UPDATE enrollments SET expires_at = clock_timestamp() WHERE expires_at IS NOT NULL")
    async with engine.connect() as connection:
        await connection.execute(text("SELECT FROM intents WHERE intent = 'a' FOR UPDATE"))
        acts: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
            "cancelled": partial(EnrollmentOperatorStore(engine).cancel_waiting, email="ada@corp.example", rule=None),
            "expired": worker(engine).expire,
            "cancelled by a rule": partial(worker(engine).cancel_earlier, leaving),
        }
        ending = asyncio.create_task(acts[way]())
        await until_a_statement_waits(engine)
        free = await rows(engine, "SELECT intent FROM intents WHERE intent < 'i' FOR UPDATE SKIP LOCKED")
        await connection.commit()
    assert sorted(row.intent for row in free) == list("bcdefgh")
    await ending
    assert await rows(engine, "SELECT intent FROM intents") == [("leaves",)]


async def parked_unsettled(engine: AsyncEngine, **facts: Any) -> str:
    """Send one whose answer is lost, and have it parked; return its id."""
    store = worker(engine)
    (claimed,) = await store.claim_ready(10)
    if facts.get("action") == "workflow":
        await store.workflow_started(claimed, "501", "into workflow 910002")
        await store.move(claimed, State.PARKED, Change("parked", "no_outcome"))
        return claimed.id
    await store.checkpoint_prepared(claimed, Person("501", ("501",)), Baseline(0, None, None), None)
    await store.commit_sending(claimed, Sender("anna", "7001", "anna@acme.example"), limit=None)
    await store.move(replace(claimed, step=Step.SENDING), State.UNCERTAIN, Change("uncertain"))
    await rows(engine, "UPDATE enrollments SET due_at = clock_timestamp()")
    (read,) = await store.claim_uncertain(10)
    await store.move(read, State.PARKED, Change("parked", "unsettled"))
    return claimed.id


CANCELLED = ["cancelled", "cancelled with others", "cancelled by a rule"]
WORKFLOW = {"action": "workflow", "target": "910002"}


@pytest.mark.parametrize(
    ("way", "facts"),
    [*((way, {}) for way in [*CANCELLED, "expired", "suppressed"]), *((way, WORKFLOW) for way in CANCELLED)],
)
async def test_what_may_have_been_sent_keeps_its_intent_however_it_ends(
    engine: AsyncEngine, accept: Any, way: str, facts: dict[str, str]
) -> None:
    await accept("ada@corp.example", **facts)
    identity = await parked_unsettled(engine, **facts)
    await ended(engine, accept, identity, way)
    ((state,),) = await rows(engine, f"SELECT state FROM enrollments WHERE id = '{identity}'")  # noqa: S608  # ours
    assert state in {"cancelled", "expired", "refused"}
    await accept("ada@corp.example", data={"n": "2"}, sequence="310002", **facts)
    decided = await rows(engine, "SELECT verdict, reason FROM decisions ORDER BY id DESC LIMIT 1")
    assert decided == [("duplicate", f"duplicate of {identity}")]


async def ended(engine: AsyncEngine, accept: Any, identity: str, way: str) -> None:
    """End one that is parked."""
    acts, store = EnrollmentOperatorStore(engine), worker(engine)
    if way == "cancelled":
        assert await acts.cancel(identity)
    elif way == "cancelled by a rule":
        await accept("ada@corp.example", intent="leaves", action="cancel", priority=100)
        (leaving,) = await store.claim_ready(10)
        assert (await store.cancel_earlier(leaving))[0] == 1
    elif way == "cancelled with others":
        await rows(engine, "UPDATE enrollments SET state = 'ready', reason = NULL")
        assert await acts.cancel_waiting(email="ada@corp.example", rule=None) == 1
    elif way == "expired":
        await rows(engine, "UPDATE enrollments SET state = 'ready', expires_at = clock_timestamp()")
        assert list(await store.expire()) == [identity]
    else:
        assert await acts.release(identity)
        (claimed,) = await store.claim_ready(10)
        await store.move(claimed, State.REFUSED, Change("refused", "suppressed"))


async def test_hubspots_no_to_a_later_request_frees_the_intent(engine: AsyncEngine, accept: Any) -> None:
    await accept("ada@corp.example")
    assert await EnrollmentOperatorStore(engine).release(await parked_unsettled(engine))
    (claimed,) = await worker(engine).claim_ready(10)
    await worker(engine).move(replace(claimed, step=Step.SENDING), State.REFUSED, Change("refused", "UNSUBSCRIBED"))
    assert await rows(engine, "SELECT * FROM intents") == []
