"""Who sends: pools, the contact's owner, fallbacks, full and paused inboxes, and the reasons that are kept."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from app.clock import utc_now
from app.database.direct import DirectPool
from app.enrollments.operator_store import EnrollmentOperatorStore
from app.enrollments.outcome import Change
from app.model import OnSenderFull, State
from app.senders.assign import Senders
from app.senders.pause_store import SenderPauseStore
from app.senders.quota_store import PERIOD
from app.senders.status import SenderStatuses
from app.senders.store import Assignments
from tests.support.road import BOOK

if TYPE_CHECKING:
    from tests.conftest import MakeEntry
    from tests.support.road import Road

NEXT = OnSenderFull.NEXT_SENDER


async def all_enrolled(road: Road, make_entry: MakeEntry, *emails: str, **facts: Any) -> list[str]:
    """Enroll these people one after the other; return who sent each."""
    for email in emails:
        await road.accept(make_entry(f"{email}-{len(road.transitions)}", email, **facts))
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


async def test_the_sender_with_most_left_is_taken_also_by_many_at_once(road: Road, make_entry: MakeEntry) -> None:
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
    assert due == first + PERIOD


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


async def assigned_by_two(road: Road, make_entry: MakeEntry, pool: str, people: list[str]) -> dict[str, set[str]]:
    """Have two replicas choose for all of these people, at the same time; return the senders by company."""
    for email in people:
        await road.accept(make_entry(f"{email} of {len(people)}", email, sender=pool))
    claimed = await road.enrollments.claim_ready(100)
    pools = [DirectPool(road.engine.url, size=2) for _ in range(2)]
    replicas = [Senders(Assignments(one), road.owners, rulebook=lambda: BOOK, now=utc_now) for one in pools]
    chosen = await asyncio.gather(
        *(replicas[number % 2].assign(enrollment, {}) for number, enrollment in enumerate(claimed))
    )
    for one in pools:
        await one.close()
    senders: dict[str, set[str]] = {}
    for enrollment, sender in zip(claimed, chosen, strict=True):
        senders.setdefault(enrollment.email.partition("@")[2], set()).add(sender.name)
    return senders


async def test_two_replicas_give_a_company_one_sender(road: Road, make_entry: MakeEntry) -> None:
    people = [f"{name}@firm{number}.example" for number in range(8) for name in ("ada", "bob", "cid")]
    senders = await assigned_by_two(road, make_entry, "firm", people)
    assert [len(names) for names in senders.values()] == [1] * 8


async def test_two_replicas_draw_the_same_sender_for_a_person(road: Road, make_entry: MakeEntry) -> None:
    people = [f"ada@drawn{number}.example" for number in range(40)]
    first = await assigned_by_two(road, make_entry, "drawn", people)
    await road.run("DELETE FROM enrollments")
    await road.run("DELETE FROM intents")
    # One more person comes first, so that each person is assigned by the other replica now.
    second = await assigned_by_two(road, make_entry, "drawn", ["odd@one.example", *people])
    assert {company: second[company] for company in first} == first
    drawn = [name for names in first.values() for name in names]
    assert drawn.count("dan") > drawn.count("fay") > 0  # three to one by weight


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
    assert await reasons(road) == [
        ("ben", False, "full: 2 in 24 hours"),
        ("anna", True, "the rule names it as the fallback"),
    ]


async def test_a_fallback_that_is_not_needed_is_among_the_reasons_too(road: Road, make_entry: MakeEntry) -> None:
    await all_enrolled(road, make_entry, "a@x.example", sender="ben", fallback="left")
    assert await reasons(road) == [
        ("ben", True, "the rule names it"),
        ("anna", False, "a fallback, and ben can send"),
    ]


async def test_the_contacts_owner_sends(road: Road, make_entry: MakeEntry) -> None:
    await road.write("ada@corp.example", hubspot_owner_id="90212")
    await road.accept(make_entry("e1", sender="contact-owner"))
    assert await last(road) == ("enrolled", None)
    (entry,) = await road.control("ledger")
    assert (entry["user_id"], entry["sender"]) == ("7002", "ben@acme.example")
    assert await reasons(road) == [("ben", True, "is the contact's owner")]
    calls = (await road.control("calls"))["routes"]
    assert {name: sum(counts.values()) for name, counts in calls.items()} == {
        "properties": 1,
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
    books = SenderPauseStore(road.engine)
    assert await books.resume("main", "dan@acme.example") is True
    assert await books.resume("main", "dan@acme.example") is False
    ((due,),) = await road.run("SELECT due_at <= clock_timestamp() FROM enrollments WHERE reason = 'sender_paused'")
    assert due


async def test_refusals_that_are_not_in_a_row_pause_no_sender(road: Road, make_entry: MakeEntry) -> None:
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
    assert await road.run("SELECT * FROM sender_pauses WHERE refusals > 0 OR paused_at IS NOT NULL") == []


async def test_a_pool_takes_another_one_when_hubspot_says_that_a_sender_is_full(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.accept(make_entry("e1", sender="left"))
    await road.fault(kind="status", status=400, code="SEND_LIMIT_EXCEEDED", times=1)
    assert await last(road) == ("ready", "SEND_LIMIT_EXCEEDED")
    assert await road.run("SELECT sending_at, first_sending_at FROM enrollments") == [(None, None)]
    assert await road.run("SELECT * FROM sender_reservations") == []
    assert await last(road) == ("enrolled", None)
    chosen, passed = sorted(await reasons(road), key=lambda reason: not reason[1])
    assert (chosen[0], passed[0]) == ("ben", "anna")
    assert passed[2].startswith("full by HubSpot's word, taken again from ")
    assert await road.run("SELECT inbox FROM sender_reservations") == [("ben@acme.example",)]


async def test_a_sender_that_is_full_by_hubspots_word_is_waited_for_or_fails_as_its_rule_says(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.fault(kind="status", status=400, code="SEND_LIMIT_EXCEEDED", times=1)
    await road.accept(make_entry("e1", sender="anna"))
    await last(road)
    assert await last(road) == ("held", "quota")
    ((due, until),) = await road.run("SELECT due_at, (SELECT full_until FROM sender_pauses) FROM enrollments")
    assert due == until
    await road.accept(make_entry("e2", "b@x.example", sender="anna", on_sender_full=OnSenderFull.FAIL))
    assert await last(road) == ("refused", "sender_full")
    await road.accept(make_entry("e3", "c@x.example", sender="anna", fallback="ben", on_sender_full=NEXT))
    assert await last(road) == ("enrolled", None)
    assert len(await road.control("ledger")) == 2
    (anna, *_) = await SenderStatuses(SenderPauseStore(road.engine), lambda: BOOK).all()
    assert (anna.name, anna.left, anna.full_until) == ("anna", 0, until)
    # Its time over, it is taken again; what it sends then ends the row.
    await road.run("UPDATE sender_pauses SET full_until = clock_timestamp()")
    await road.accept(make_entry("e4", "d@x.example", sender="anna"))
    assert await last(road) == ("enrolled", None)
    assert await road.run("SELECT * FROM sender_pauses") == []


@pytest.mark.parametrize("code", ["RATE_LIMITED_BY_CLIENT", "RATE_LIMITED_BY_PROVIDER"])
async def test_a_sender_that_is_held_back_for_a_moment_is_not_full_and_stops_no_other(
    road: Road, make_entry: MakeEntry, code: str
) -> None:
    await road.fault(kind="status", status=400, code=code, times=1)
    await road.accept(make_entry("e1", sender="anna", on_sender_full=OnSenderFull.FAIL))
    assert await last(road) == ("held", code)
    ((waits,),) = await road.run("SELECT due_at - updated_at FROM enrollments")
    assert timedelta(minutes=59) < waits < timedelta(minutes=71)
    await road.accept(make_entry("e2", "b@x.example", sender="anna", on_sender_full=OnSenderFull.FAIL))
    assert await last(road) == ("enrolled", None)
    assert await road.run("SELECT blocked_by FROM rate_windows WHERE blocked_by IS NOT NULL") == []


async def test_who_waited_for_a_full_sender_goes_one_after_the_other(road: Road, make_entry: MakeEntry) -> None:
    for number in range(4):
        await road.accept(make_entry(f"e{number}", f"p{number}@x.example", sender="ben" if number == 3 else "anna"))
        assert await last(road) == ("enrolled", None)
    await road.run(
        "UPDATE enrollments SET state = 'held', reason = 'quota', due_at = clock_timestamp() - interval '1 minute'"
    )
    await road.enrollments.release_due()
    rows = await road.run("SELECT due_at > updated_at - interval '1 second', sender FROM enrollments ORDER BY id")
    assert rows == [(True, "anna"), (True, "anna"), (True, "anna"), (True, "ben")]
    apart_from_first = await apart(road, "ready")
    hundred = timedelta(milliseconds=100)
    assert apart_from_first == [timedelta(), hundred, 2 * hundred, timedelta()]


async def test_what_was_sent_just_before_does_not_take_hubspots_word_back(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e0", "sent@corp.example", sender="anna"))
    (sent,) = await road.enrollments.claim_ready(1)
    await road.fault(kind="status", status=400, code="SEND_LIMIT_EXCEEDED", times=1)
    await road.accept(make_entry("e1", sender="anna"))
    await last(road)
    await road.enrollments.move(sent, State.ENROLLED, Change("enrolled"))
    assert await road.run("SELECT inbox, refusals FROM sender_pauses") == [("anna@acme.example", 0)]


async def test_whose_request_may_have_worked_waits_for_the_sender_that_sent_it(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.accept(make_entry("e1", sender="left"))
    await road.fault(kind="drop_before", times=1)
    assert await last(road) == ("uncertain", "no_outcome")
    for _ in range(3):
        await road.settle()
    await road.fault(kind="status", status=400, code="SEND_LIMIT_EXCEEDED", times=1)
    assert await last(road) == ("held", "quota")
    assert await road.run("SELECT sender, first_sending_at IS NOT NULL FROM enrollments") == [("anna", True)]


async def test_a_released_enrollment_waits_for_its_paused_sender(road: Road, make_entry: MakeEntry) -> None:
    for number in range(3):
        await road.accept(make_entry(f"e{number}", f"p{number}@x.example", sender="broken"))
        await last(road)
    ((identity,),) = await road.run("SELECT max(id) FROM enrollments")
    assert await EnrollmentOperatorStore(road.engine).release(identity)
    assert await last(road) == ("held", "sender_paused")
    assert len(await road.control("ledger")) == 3


async def test_an_owner_whom_no_rule_names_is_listed_paused_and_resumed(road: Road, make_entry: MakeEntry) -> None:
    await road.fault(kind="status", status=400, code="DISCONNECTED_INBOX")
    standings = SenderStatuses(SenderPauseStore(road.engine), lambda: BOOK)
    for number in range(3):
        await road.write(f"p{number}@x.example", hubspot_owner_id="90213")
        await road.accept(make_entry(f"e{number}", f"p{number}@x.example", sender="contact-owner"))
        await last(road)
    cleo = (await standings.all())[-1]
    assert (cleo.name, cleo.user_id, cleo.inbox) == ("owner 90213", "7003", "cleo@acme.example")
    assert (cleo.paused_at is not None, cleo.reason) == (True, "DISCONNECTED_INBOX")
    assert await standings.resume(None, "owner 90213")
    assert await road.run("SELECT * FROM sender_pauses") == []
    await road.run(
        "INSERT INTO sender_reservations SELECT id, account, sender_email, clock_timestamp() FROM enrollments LIMIT 1"
    )
    sent = (await standings.all())[-1]
    assert (sent.name, sent.paused_at, sent.limit - sent.left) == ("owner 90213", None, 1)
    assert await standings.pause("main", "owner 90213")
    assert (await standings.all())[-1].reason == "by an operator"


async def test_of_two_who_pause_a_sender_at_once_the_second_finds_it_paused(road: Road) -> None:
    books, anna = SenderPauseStore(road.engine), BOOK.senders["anna"]
    written = await asyncio.gather(
        books.pause("main", anna, "the first", again=False), books.pause("main", anna, "the second", again=False)
    )
    assert sorted(written) == [False, True]
    ((reason,),) = await road.run("SELECT reason FROM sender_pauses")
    assert reason == ("the first" if written[0] else "the second")
    assert await books.pause("main", anna, "another reason")
    assert await books.resume("main", anna.email)
    assert not await books.resume("main", anna.email)


async def test_those_who_waited_for_a_sender_go_one_after_the_other(road: Road, make_entry: MakeEntry) -> None:
    books = SenderPauseStore(road.engine)
    await books.pause("main", BOOK.senders["anna"], "by an operator")
    for number in range(3):
        await road.accept(make_entry(f"e{number}", f"p{number}@x.example", sender="anna"))
        await last(road)
    assert await books.resume("main", "anna@acme.example")
    assert await apart(road, "held") == [timedelta(), timedelta(milliseconds=100), timedelta(milliseconds=200)]


async def test_all_that_were_parked_for_one_reason_are_released_one_after_the_other(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.fault(kind="status", status=400, code="DISCONNECTED_INBOX")
    for number in range(4):
        sender = "anna" if number else "ben"
        await road.accept(make_entry(f"e{number}", f"p{number}@x.example", sender=sender))
        await last(road)
    acts = EnrollmentOperatorStore(road.engine)
    named: dict[str, Any] = {"reason": "DISCONNECTED_INBOX", "rule": "demo", "sender": "anna"}
    for other in ({"reason": "gave_up"}, {"rule": "other"}, {"sender": "dan"}):
        assert await acts.release_parked(**named | other) == 0
    assert await acts.release_parked(**named) == 3
    assert await apart(road, "ready") == [timedelta(), timedelta(milliseconds=100), timedelta(milliseconds=200)]
    assert await road.run("SELECT sender FROM enrollments WHERE state = 'parked'") == [("ben",)]
    assert await acts.release_parked(reason=None, rule="demo", sender=None) == 1
    assert len(await road.run("SELECT * FROM journal WHERE cause = 'released_by_operator'")) == 4


async def apart(road: Road, state: str) -> list[timedelta]:
    """Return how long after the first one each is due, to the hundredth of a second, the oldest first."""
    rows = await road.run(f"SELECT due_at FROM enrollments WHERE state = '{state}' ORDER BY id")  # noqa: S608  # ours
    return [timedelta(milliseconds=10 * round((due - rows[0][0]).total_seconds() * 100)) for (due,) in rows]


async def test_an_enrollment_that_was_not_sent_in_time_is_not_sent_any_more(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1", expires_after=timedelta(days=36_500)))
    assert await road.enrollments.expire() == {}
    await road.run("UPDATE enrollments SET expires_at = now()")
    assert await road.enrollments.claim_ready(1) == []
    assert list((await road.enrollments.expire()).values()) == ["310001"]
    assert await road.state() == ("expired", "expired")
    assert await road.run("SELECT * FROM intents") == []
    assert await road.run("SELECT before, after FROM journal ORDER BY id DESC LIMIT 1") == [("ready", "expired")]
