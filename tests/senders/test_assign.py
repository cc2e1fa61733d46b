"""Choosing as it is kept: one after the other, the same one again, for reasons that stay, and places shared out."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from app.clock import utc_now
from app.errors import HeldError, SegueError
from app.model import OnSenderFull
from app.senders.assign import Senders
from app.senders.pause_store import SenderPauseStore
from app.senders.quota_store import PERIOD
from app.senders.store import Assignments
from tests.support.direct import direct
from tests.support.enrollments import worker
from tests.support.road import BOOK

if TYPE_CHECKING:
    from app.model import Enrollment
    from tests.conftest import MakeEntry
    from tests.support.road import Road

Thought = list[tuple[str, bool, str]]
FULL = "full: 2 in 24 hours"


def senders_of(road: Road) -> Senders:
    return Senders(Assignments(direct(road.engine)), road.owners, rulebook=lambda: BOOK, now=utc_now)


async def claim(road: Road, make_entry: MakeEntry, *emails: str, **facts: Any) -> list[Enrollment]:
    """Accept one enrollment of each, and claim what is ready, without assigning it."""
    for email in emails:
        await road.accept(make_entry(email, email, **facts))
    return sorted(await worker(road.engine, "w1").claim_ready(100), key=lambda enrollment: enrollment.id)


async def claim_again(road: Road) -> list[Enrollment]:
    """Hand back all that is in hand, as a worker does that stops, and claim it once more."""
    await road.enrollments.reclaim_expired(first_read=0.0, leaving=True)
    return sorted(await worker(road.engine, "w1").claim_ready(100), key=lambda enrollment: enrollment.id)


async def assign(road: Road, enrollment: Enrollment) -> str:
    """Assign its sender; return the name."""
    return (await senders_of(road).assign(enrollment, {})).name


async def thoughts(road: Road) -> list[Thought]:
    """Return what was thought of everybody, for each enrollment."""
    rows = await road.run("SELECT assignment FROM enrollments ORDER BY id")
    return [[(item["sender"], item["chosen"], item["because"]) for item in kept] for (kept,) in rows]


async def test_pools_that_are_each_others_fallback_do_not_wait_for_each_other(
    road: Road, make_entry: MakeEntry
) -> None:
    for name in ("anna", "ben"):
        await SenderPauseStore(road.engine).pause("main", BOOK.senders[name], "by an operator")
    people = [f"p{number}@x.example" for number in range(40)]
    for number, email in enumerate(people):
        sender, fallback = ("turns", "left") if number % 2 else ("left", "turns")
        await road.accept(make_entry(email, email, sender=sender, fallback=fallback))
    claimed = await worker(road.engine, "w1").claim_ready(100)
    senders = senders_of(road)
    ends = await asyncio.gather(*(senders.assign(one, {}) for one in claimed), return_exceptions=True)
    assert Counter(type(end) for end in ends) == {HeldError: 40}
    # A sender that is in both pools is listed once.
    assert {tuple(name for name, _, _ in reasons) for reasons in await thoughts(road)} == {("anna", "ben")}


async def test_a_pool_may_be_its_own_fallback(road: Road, make_entry: MakeEntry) -> None:
    (claimed,) = await claim(road, make_entry, "a@x.example", sender="turns", fallback="turns")
    assert await assign(road, claimed) == "anna"
    assert await thoughts(road) == [[("anna", True, "its turn"), ("ben", False, "it was anna's turn")]]


@pytest.mark.parametrize("pool", ["left", "turns", "drawn", "own"])
async def test_a_choice_stands_with_its_reasons_while_its_sender_can_send(
    road: Road, make_entry: MakeEntry, pool: str
) -> None:
    (first,) = await claim(road, make_entry, "a@x.example", sender=pool)
    took = await assign(road, first)
    (reasons,) = await thoughts(road)
    (second,) = await claim(road, make_entry, "b@x.example", sender=pool)
    await assign(road, second)
    again, _ = await claim_again(road)
    assert await assign(road, again) == took
    assert (await thoughts(road))[0] == reasons
    assert [because for _, chosen, because in reasons if chosen] != ["has had this person before"]
    # Once it cannot send, another one is chosen, for reasons of now.
    await SenderPauseStore(road.engine).pause("main", BOOK.senders[took], "by an operator")
    again, _ = await claim_again(road)
    assert await assign(road, again) != took
    assert [chosen for name, chosen, because in (await thoughts(road))[0] if because.startswith("paused")] == [False]


async def test_whose_place_was_waited_for_is_taken_for_that_reason(road: Road, make_entry: MakeEntry) -> None:
    await road.fill("anna", *[timedelta(hours=3)] * 3)
    await road.fill("ben", *[timedelta(hours=2)] * 2)
    (claimed,) = await claim(road, make_entry, "a@x.example", sender="turns")
    with pytest.raises(SegueError, match="quota"):
        await assign(road, claimed)
    await road.run("DELETE FROM sender_reservations")
    (again,) = await claim_again(road)
    assert await assign(road, again) == "anna"
    assert await thoughts(road) == [[("anna", True, "was waited for"), ("ben", False, "anna was waited for")]]


async def test_a_company_has_had_a_sender_before(road: Road, make_entry: MakeEntry) -> None:
    first, second = await claim(road, make_entry, "a@firm.example", "b@firm.example", sender="firm")
    assert await assign(road, first) == await assign(road, second) == "anna"
    assert (await thoughts(road))[1][0] == ("anna", True, "has had this company before")


async def test_turns_are_counted_for_those_who_took_one(road: Road, make_entry: MakeEntry) -> None:
    took = []
    for number in range(4):
        *earlier, newcomer = await claim(road, make_entry, f"p{number}@x.example", sender="turns")
        took.append(await assign(road, newcomer))
        for again in (await claim_again(road))[:1]:
            assert await assign(road, again) == "anna"
        assert earlier == []
    assert took == ["anna", "ben", "anna", "ben"]


async def test_no_place_that_is_taken_is_promised_while_another_sender_has_room(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.fill("ben", timedelta(hours=1))
    people = [f"p{number}@x.example" for number in range(4)]
    claimed = await claim(road, make_entry, *people, sender="turns")
    assert [await assign(road, one) for one in claimed] == ["anna", "ben", "anna", "anna"]
    assert (await thoughts(road))[3][1] == ("ben", False, "has 1 left, and 1 wait for it already")


async def test_where_a_persons_own_sender_is_waited_for_the_place_is_its_own(road: Road, make_entry: MakeEntry) -> None:
    await road.run("INSERT INTO sticky_senders VALUES ('main', 'own', 'a@x.example', 'ben', now())")
    await road.fill("anna", *[timedelta(hours=3)] * 3)
    await road.fill("ben", *[timedelta(hours=2)] * 2)
    (claimed,) = await claim(road, make_entry, "a@x.example", sender="own")
    with pytest.raises(HeldError) as held:
        await assign(road, claimed)
    ((first,),) = await road.run("SELECT min(reserved_at) FROM sender_reservations WHERE inbox = 'ben@acme.example'")
    assert held.value.until == first + PERIOD
    assert await road.run("SELECT sender_email FROM enrollments") == [("ben@acme.example",)]


@pytest.mark.parametrize(
    ("follows", "because"),
    [
        (OnSenderFull.DEFER, "a fallback, not asked: the rule waits for ben"),
        (OnSenderFull.FAIL, "a fallback, not asked: the rule refuses who finds ben full"),
    ],
)
async def test_a_fallback_that_is_not_asked_is_among_the_reasons(
    road: Road, make_entry: MakeEntry, follows: OnSenderFull, because: str
) -> None:
    await road.fill("ben", *[timedelta(hours=2)] * 2)
    facts = {"sender": "ben", "fallback": "left", "on_sender_full": follows}
    (claimed,) = await claim(road, make_entry, "a@x.example", **facts)
    with pytest.raises(SegueError):
        await assign(road, claimed)
    assert await thoughts(road) == [[("ben", False, FULL), ("anna", False, because)]]


async def test_a_name_that_left_the_rules_is_among_the_reasons(road: Road, make_entry: MakeEntry) -> None:
    left = "is no sender and no pool of the rules in force"
    (claimed,) = await claim(road, make_entry, "a@x.example", sender="gone", fallback="anna")
    assert await assign(road, claimed) == "anna"
    reasons = [("gone", False, left), ("anna", True, "the rule names it as the fallback")]
    assert await thoughts(road) == [reasons]
    (parked,) = await claim(road, make_entry, "b@x.example", sender="gone")
    await road.enroller.enroll(parked)
    assert await road.run("SELECT reason, detail FROM enrollments WHERE state = 'parked'") == [
        ("no_sender", f"gone: {left}")
    ]
