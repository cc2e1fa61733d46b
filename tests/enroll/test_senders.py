"""Who sends: pools, the contact's owner, fallbacks, full and paused inboxes, and the reasons that are kept."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from app.model import OnSenderFull
from app.store.senders import SenderBooks

if TYPE_CHECKING:
    from tests.conftest import MakeEntry
    from tests.enroll.conftest import Road

NEXT = OnSenderFull.NEXT_SENDER


async def all_enrolled(road: Road, make_entry: MakeEntry, *emails: str, **facts: Any) -> list[str]:
    """Enroll these people one after the other; return who sent each."""
    for email in emails:
        await road.accept(make_entry(f"{email}-{len(road.told)}", email, **facts))
        (claimed,) = await road.enrollments.claim_ready(1)
        await road.enroller.enroll(claimed)
    rows = await road.run("SELECT email, sender FROM enrollments ORDER BY id")
    return [sender for email, sender in rows if email in emails]


async def reasons(road: Road) -> list[tuple[str, bool, str]]:
    ((kept,),) = await road.run("SELECT assignment FROM enrollments ORDER BY id DESC LIMIT 1")
    return [(item["sender"], item["chosen"], item["because"]) for item in kept]


async def test_a_pool_takes_turns_and_says_so(road: Road, make_entry: MakeEntry) -> None:
    took = await all_enrolled(road, make_entry, "a@x.example", "b@x.example", "c@x.example", sender="turns")
    assert took == ["anna", "ben", "anna"]
    assert await reasons(road) == [("anna", True, "its turn"), ("ben", False, "it was anna's turn")]
    ledger = await road.control("ledger")
    assert [entry["user_id"] for entry in ledger] == ["7001", "7002", "7001"]


async def test_whoever_has_most_left_is_taken_also_by_many_at_once(road: Road, make_entry: MakeEntry) -> None:
    for number in range(4):
        await road.accept(make_entry(f"e{number}", f"p{number}@x.example", sender="even"))
    claimed = await road.enrollments.claim_ready(10)
    await asyncio.gather(*(road.enroller.enroll(enrollment) for enrollment in claimed))
    assert await road.run("SELECT sender, count(*) FROM enrollments GROUP BY 1 ORDER BY 1 DESC") == [
        ("bea", 2),
        ("anna", 2),
    ]


async def test_a_full_member_is_passed_over_and_a_full_pool_waits(road: Road, make_entry: MakeEntry) -> None:
    people = [f"{letter}@x.example" for letter in "abcde"]
    assert sorted(await all_enrolled(road, make_entry, *people, sender="left")) == ["anna"] * 3 + ["ben"] * 2
    await road.accept(make_entry("late", "late@x.example", sender="left"))
    assert await last(road) == ("held", "quota")
    assert await reasons(road) == [
        ("anna", False, "full: 3 in 24 hours"),
        ("ben", False, "full: 2 in 24 hours"),
    ]
    assert len(await road.control("ledger")) == 5
    ((due, first),) = await road.run(
        "SELECT due_at, (SELECT min(reserved_at) FROM sender_reservations) FROM enrollments WHERE state = 'held'"
    )
    assert due == first + timedelta(hours=24)


async def last(road: Road) -> tuple[str, str | None]:
    """Take the one that is ready to its outcome."""
    (claimed,) = await road.enrollments.claim_ready(1)
    await road.enroller.enroll(claimed)
    ((state, reason),) = await road.run("SELECT state, reason FROM enrollments ORDER BY id DESC LIMIT 1")
    return state, reason


async def test_a_person_stays_with_the_sender_it_had(road: Road, make_entry: MakeEntry) -> None:
    (first,) = await all_enrolled(road, make_entry, "a@x.example", sender="own")
    other = "ben" if first == "anna" else "anna"
    await road.run("UPDATE sender_pauses SET refusals = 0")
    await road.accept(make_entry("again", "a@x.example", sender="own", intent="other", sequence="310002"))
    await last(road)
    assert [item[:2] for item in await reasons(road)] == [(first, True), (other, False)]
    assert (await reasons(road))[1][2] == f"{first} has had this person before"


async def test_a_company_stays_with_the_sender_it_had_and_free_mail_is_no_company(
    road: Road, make_entry: MakeEntry
) -> None:
    people = ("a@firm.example", "b@firm.example", "x@gmail.com", "y@gmail.com")
    await all_enrolled(road, make_entry, *people, sender="firm")
    subjects = await road.run("SELECT subject FROM sticky_senders ORDER BY subject")
    assert subjects == [("firm.example",), ("x@gmail.com",), ("y@gmail.com",)]
    assert await road.run("SELECT count(DISTINCT sender) FROM enrollments WHERE email LIKE '%firm.example'") == [(1,)]


async def test_the_full_sender_of_a_person_is_waited_for_unless_the_rule_says_otherwise(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.run("INSERT INTO sticky_senders VALUES ('main', 'own', 'a@x.example', 'ben', now())")
    await all_enrolled(road, make_entry, "b@y.example", "c@y.example", sender="ben_alone", fallback="ben")
    await road.accept(make_entry("e1", "a@x.example", sender="own"))
    assert await last(road) == ("held", "quota")
    assert ("anna", False, "ben is waited for") in await reasons(road)
    await road.run("UPDATE enrollments SET state = 'cancelled' WHERE state = 'held'")
    await road.run("DELETE FROM intents")
    await road.accept(make_entry("e2", "a@x.example", sender="own", on_sender_full=NEXT))
    assert await last(road) == ("enrolled", None)
    assert await road.run("SELECT sender FROM sticky_senders") == [("anna",)]


async def test_a_full_sender_may_fail_the_enrollment(road: Road, make_entry: MakeEntry) -> None:
    await all_enrolled(road, make_entry, "a@x.example", "b@x.example", sender="ben")
    await road.accept(make_entry("e1", "c@x.example", sender="ben", on_sender_full=OnSenderFull.FAIL))
    assert await last(road) == ("refused", "sender_full")
    assert await road.run("SELECT count(*) FROM intents") == [(2,)]


async def test_a_full_sender_hands_over_to_its_fallback(road: Road, make_entry: MakeEntry) -> None:
    await all_enrolled(road, make_entry, "a@x.example", "b@x.example", sender="ben")
    await road.accept(make_entry("e1", "c@x.example", sender="ben", fallback="anna", on_sender_full=NEXT))
    assert await last(road) == ("enrolled", None)
    assert await reasons(road) == [("ben", False, "full: 2 in 24 hours"), ("anna", True, "its turn")]


async def test_the_contacts_owner_sends(road: Road, make_entry: MakeEntry) -> None:
    await road.write("ada@corp.example", hubspot_owner_id="90212")
    await road.accept(make_entry("e1", sender="contact-owner"))
    assert await last(road) == ("enrolled", None)
    (entry,) = await road.control("ledger")
    assert (entry["user_id"], entry["sender"]) == ("7002", "ben@acme.example")
    calls = (await road.control("calls"))["routes"]
    assert {name: sum(counts.values()) for name, counts in calls.items()} == {
        "upsert": 2,
        "read": 1,
        "owners": 1,
        "enroll": 1,
    }


async def test_without_an_owner_the_fallback_sends_and_without_one_a_person_must_look(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.accept(make_entry("e1", sender="contact-owner", fallback="anna"))
    assert await last(road) == ("enrolled", None)
    assert (await reasons(road))[0] == ("contact-owner", False, "the contact has no owner")
    await road.accept(make_entry("e2", "bea@corp.example", sender="contact-owner"))
    assert await last(road) == ("parked", "no_sender")


async def test_a_sender_that_is_refused_three_times_in_a_row_is_paused_alone(road: Road, make_entry: MakeEntry) -> None:
    for number in range(3):
        await road.accept(make_entry(f"e{number}", f"p{number}@x.example", sender="broken"))
        assert await last(road) == ("parked", "NO_INBOX_FOR_SENDER_ADDRESS")
    await road.accept(make_entry("e4", "late@x.example", sender="broken"))
    assert await last(road) == ("held", "sender_paused")
    await road.accept(make_entry("e5", "fine@x.example", sender="anna"))
    assert await last(road) == ("enrolled", None)
    books = SenderBooks(road.engine)
    assert await books.resume("main", "dan@acme.example") is True
    assert await books.resume("main", "dan@acme.example") is False
    ((due,),) = await road.run("SELECT due_at <= clock_timestamp() FROM enrollments WHERE reason = 'sender_paused'")
    assert due


async def test_refusals_that_are_not_in_a_row_pause_nobody(road: Road, make_entry: MakeEntry) -> None:
    for number in range(4):
        if number == 2:
            await road.fault()
            await road.accept(make_entry("fine", "fine@x.example"))
            assert await last(road) == ("enrolled", None)
        await road.fault(kind="status", status=400, code="DISCONNECTED_INBOX")
        await road.accept(make_entry(f"e{number}", f"p{number}@x.example"))
        assert await last(road) == ("parked", "DISCONNECTED_INBOX")
    assert await road.run("SELECT refusals, paused_at FROM sender_pauses") == [(2, None)]


@pytest.mark.parametrize("code", ["UNSUBSCRIBED", "SEND_LIMIT_EXCEEDED", "SOMETHING_NEW"])
async def test_what_is_not_the_senders_own_fault_is_not_counted_against_it(
    road: Road, make_entry: MakeEntry, code: str
) -> None:
    await road.fault(kind="status", status=400, code=code)
    await road.accept(make_entry("e1"))
    await last(road)
    assert await road.run("SELECT * FROM sender_pauses") == []


async def test_whoever_was_not_sent_in_time_is_not_sent_any_more(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1", expires_after=timedelta(days=36_500)))
    assert await road.enrollments.expire() == {}
    await road.run("UPDATE enrollments SET expires_at = now()")
    assert await road.enrollments.claim_ready(1) == []
    assert list((await road.enrollments.expire()).values()) == ["310001"]
    assert await road.state() == ("expired", "expired")
    assert await road.run("SELECT * FROM intents") == []
    assert await road.run("SELECT before, after FROM journal ORDER BY id DESC LIMIT 1") == [("ready", "expired")]
