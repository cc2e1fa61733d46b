"""Enrollments that are assigned together get the senders, and the reasons, that they would get one after the other."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from app.database.direct import DirectPool
from app.errors import FenceLost
from app.senders.statements import ASSIGN_WHO_CAN_SEND
from app.senders.store import Assignments, assign_all
from tests.senders.test_assign import claim, claim_again, senders_of, thoughts
from tests.support.direct import direct

if TYPE_CHECKING:
    from tests.conftest import MakeEntry
    from tests.support.road import Road

PEOPLE = [f"p{number}@{'firm' if number % 3 else 'other'}.example" for number in range(9)]
UNASSIGNED = "sender = NULL, sender_user_id = NULL, sender_email = NULL, assignment = NULL, step = 'claimed'"
AS_BEFORE = (
    f"UPDATE enrollments SET {UNASSIGNED}",  # noqa: S608  # ours
    "DELETE FROM pool_turns",
    "DELETE FROM sticky_senders",
)


def outcome(result: Any) -> str:
    """Return the sender's name, or why there is none."""
    return f"{type(result).__name__}: {result}" if isinstance(result, BaseException) else result.name


@pytest.mark.parametrize("pool", ["anna", "turns", "left", "even", "own", "firm", "drawn"])
@pytest.mark.parametrize("taken", [0, 2])
async def test_together_is_as_one_after_the_other(road: Road, make_entry: MakeEntry, pool: str, taken: int) -> None:
    await road.fill("anna", *[timedelta(hours=3)] * taken)
    claimed = await claim(road, make_entry, *PEOPLE, sender=pool)
    senders = senders_of(road)
    alone = [outcome((await asyncio.gather(senders.assign(one, {}), return_exceptions=True))[0]) for one in claimed]
    reasons = await thoughts(road)
    for statement in AS_BEFORE:
        await road.run(statement)
    together = await asyncio.gather(*(senders.assign(one, {}) for one in claimed), return_exceptions=True)
    assert [outcome(result) for result in together] == alone
    assert await thoughts(road) == reasons
    assert await road.run("SELECT count(DISTINCT xmin::text) FROM enrollments") == [(1,)]


async def test_one_that_another_worker_has_claimed_takes_no_turn(road: Road, make_entry: MakeEntry) -> None:
    claimed = await claim(road, make_entry, *PEOPLE[:3], sender="turns")
    await road.run(f"UPDATE enrollments SET attempt = 7 WHERE id = '{claimed[0].id}'")  # noqa: S608  # ours
    senders = senders_of(road)
    results = await asyncio.gather(*(senders.assign(one, {}) for one in claimed), return_exceptions=True)
    assert isinstance(results[0], FenceLost)
    assert [outcome(result) for result in results[1:]] == ["anna", "ben"]


async def test_places_of_a_full_sender_are_promised_one_after_the_other(road: Road, make_entry: MakeEntry) -> None:
    await road.fill("ben", timedelta(hours=5), timedelta(hours=3))
    claimed = await claim(road, make_entry, *PEOPLE[:4], sender="ben")
    assignments = Assignments(direct(road.engine))
    wanted = [await senders_of(road).wanted(one, {}) for one in claimed]
    assigned = await asyncio.gather(*(assignments.assign(one) for one in wanted))
    free = [one.free_at for one in assigned if one.free_at is not None]
    assert len(free) == 4
    assert free == sorted(free)
    assert [later - earlier > timedelta(hours=1) for earlier, later in pairwise(free)] == [True] * 3


KEPT = "SELECT sender, sender_email, step, (SELECT count(*) FROM journal WHERE cause = 'assigned') FROM enrollments"


@pytest.mark.parametrize("state", ["free", "paused", "full", "called full"])
@pytest.mark.parametrize(("sender", "fallback"), [("anna", None), ("anna", "ben"), ("gone", "anna"), ("anna", "turns")])
async def test_the_claim_assigns_a_sender_that_is_named_as_any_other_assignment_does(
    road: Road, make_entry: MakeEntry, state: str, sender: str, fallback: str | None
) -> None:
    if state == "full":
        await road.fill("anna", *[timedelta(hours=3)] * 3)
    elif state != "free":
        column = "paused_at" if state == "paused" else "full_until"
        await road.run(
            f"INSERT INTO sender_pauses (account, inbox, reason, sender, user_id, {column}) VALUES "  # noqa: S608  # ours
            "('main', 'anna@acme.example', 'by hand', 'anna', '7001', '2099-01-01')"
        )
    claimed = await claim(road, make_entry, "a@x.example", sender=sender, fallback=fallback)
    alone = outcome((await asyncio.gather(senders_of(road).assign(claimed[0], {}), return_exceptions=True))[0])
    reasons, kept = await thoughts(road), await road.run(KEPT)
    for statement in (*AS_BEFORE, "UPDATE enrollments SET state = 'ready'", "DELETE FROM journal"):
        await road.run(statement)
    (again,) = await road.enrollments.claim_ready(10)
    first_look = road.enroller.preparer.first_look
    assert outcome((await asyncio.gather(first_look.assign(again, {}), return_exceptions=True))[0]) == alone
    assert (await thoughts(road), await road.run(KEPT)) == (reasons, kept)


async def test_a_claim_reads_no_inbox_where_the_rules_name_who_sends(road: Road, make_entry: MakeEntry) -> None:
    await claim(road, make_entry, *PEOPLE, sender="anna")
    claimed = await claim_again(road)
    executed = list[Any]()

    class Spied(DirectPool):
        async def fetch(self, statement: Any, values: Any) -> list[Any]:
            executed.append(statement)
            return await super().fetch(statement, values)

    pool = Spied(road.engine.url, size=1)
    wanted = [await senders_of(road).wanted(one, {}) for one in claimed]
    assert set(await assign_all(pool, wanted, new=wanted)) == set(wanted)  # type: ignore[arg-type]  # it has the method
    await pool.close()
    assert executed == [ASSIGN_WHO_CAN_SEND]
