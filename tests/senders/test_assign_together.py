"""Enrollments that are assigned together get the senders, and the reasons, that they would get one after the other."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from app.errors import FenceLost
from app.senders.store import Assignments
from tests.senders.test_assign import claim, senders_of, thoughts
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
