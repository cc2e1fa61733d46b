"""When an enrollment starts: windows by the sender's and the contact's clock, delays, and no burst."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from app.enrollments.operator_store import EnrollmentOperatorStore
from app.model import Timing, Window

if TYPE_CHECKING:
    from tests.conftest import MakeEntry
    from tests.support.road import Road

OFFICE = Window(frozenset({1, 2, 3, 4, 5}), time(9), time(17))
HALF = timedelta(minutes=30)
SATURDAY = datetime(2026, 11, 21, 12, tzinfo=UTC)
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)


async def step(road: Road) -> tuple[str, str | None, datetime]:
    (claimed,) = await road.enrollments.claim_ready(1)
    await road.enroller.enroll(claimed)
    ((state, reason, due_at),) = await road.run(
        "SELECT state, reason, due_at FROM enrollments ORDER BY id DESC LIMIT 1"
    )
    return state, reason, due_at


async def test_outside_the_senders_hours_nothing_is_asked_of_hubspot(road: Road, make_entry: MakeEntry) -> None:
    road.at(SATURDAY)
    await road.accept(make_entry("e1", timing=Timing(OFFICE)))
    state, reason, due_at = await step(road)
    assert (state, reason) == ("held", "window")
    opens = MONDAY + timedelta(hours=8)  # nine o'clock in Berlin
    assert opens <= due_at < opens + HALF
    assert (await road.control("calls"))["total"] == 0
    assert await road.run("SELECT detail FROM enrollments") == [
        ("the window opens Mon 2026-11-23 09:00 (Europe/Berlin)",)
    ]
    road.at(due_at)
    await road.run("UPDATE enrollments SET due_at = clock_timestamp()")
    assert await road.enrollments.release_due() == 1
    assert (await step(road))[:2] == ("enrolled", None)


async def test_a_holiday_holds_an_enrollment_and_its_detail_names_it(road: Road, make_entry: MakeEntry) -> None:
    road.at(datetime(2026, 1, 6, 10, tzinfo=UTC))
    await road.accept(make_entry("e1", timing=Timing(replace(OFFICE, calendars=("US", "DE-BY")))))
    state, reason, due_at = await step(road)
    assert (state, reason) == ("held", "window")
    opens = datetime(2026, 1, 7, 8, tzinfo=UTC)
    assert opens <= due_at < opens + HALF
    assert await road.run("SELECT detail FROM enrollments") == [
        ("Epiphany in DE-BY: the window opens Wed 2026-01-07 09:00 (Europe/Berlin)",)
    ]


async def test_a_calendar_that_this_version_does_not_know_parks_and_is_named(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1", timing=Timing(replace(OFFICE, calendars=("XX",)))))
    assert (await step(road))[:2] == ("parked", "window_never_opens")
    ((detail,),) = await road.run("SELECT detail FROM enrollments")
    assert detail.startswith("there are no holidays of 'XX'")


async def test_those_who_waited_are_released_spread_out(road: Road, make_entry: MakeEntry) -> None:
    road.at(SATURDAY)
    for number in range(30):
        await road.accept(make_entry(f"e{number}", f"p{number}@x.example", timing=Timing(OFFICE)))
    for claimed in await road.enrollments.claim_ready(50):
        await road.enroller.enroll(claimed)
    due = [row[0] - MONDAY - timedelta(hours=8) for row in await road.run("SELECT due_at FROM enrollments")]
    assert len(set(due)) == 30
    assert min(due) < timedelta(minutes=10)
    assert timedelta(minutes=20) < max(due) < HALF


@pytest.mark.parametrize(
    ("city", "opens"),
    [
        ("america_slash_new_york", MONDAY + timedelta(hours=14)),
        ("Asia/Tokyo", MONDAY),
        ("the moon", MONDAY + timedelta(hours=9)),
        (None, MONDAY + timedelta(hours=9)),
    ],
)
async def test_the_contacts_own_clock_counts_where_it_has_one(
    road: Road, make_entry: MakeEntry, city: str | None, opens: datetime
) -> None:
    road.at(SATURDAY)
    if city:
        await road.write("ada@corp.example", city=city)
    timing = Timing(OFFICE, "contact", "Europe/London", "city")
    await road.accept(make_entry("e1", timing=timing))
    state, reason, due_at = await step(road)
    assert (state, reason) == ("held", "window")
    assert opens <= due_at < opens + HALF
    assert await road.control("ledger") == []


async def test_a_window_that_does_not_open_again_is_a_case_for_a_person(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1", timing=Timing(Window(frozenset(), time(9), time(17)))))
    assert (await step(road))[:2] == ("parked", "window_never_opens")


async def test_a_delay_holds_from_the_moment_of_acceptance(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1", delay=timedelta(days=36_500)))
    assert await road.state() == ("held", "delay")
    ((detail, due_at),) = await road.run("SELECT detail, due_at FROM enrollments")
    assert detail == f"waits until {due_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    assert await road.run("SELECT DISTINCT detail FROM journal") == [(detail,)]
    assert await road.run("SELECT due_at - received_at FROM enrollments") == [(timedelta(days=36_500),)]
    assert await road.run("SELECT before, after, cause FROM journal") == [(None, "held", "accepted")]
    assert await road.enrollments.claim_ready(1) == []
    assert await road.enrollments.release_due() == 0
    await road.run("UPDATE enrollments SET due_at = clock_timestamp()")
    assert await road.enrollments.release_due() == 1
    assert (await step(road))[:2] == ("enrolled", None)


async def test_what_waits_is_cancelled_by_person_and_by_rule(road: Road, make_entry: MakeEntry) -> None:
    for number in range(4):
        facts: dict[str, Any] = {"delay": timedelta(days=36_500)} if number else {}
        await road.accept(make_entry(f"e{number}", f"p{number % 3}@x.example", intent=f"i{number}", **facts))
    acts = EnrollmentOperatorStore(road.engine)
    assert await acts.cancel_waiting(email="p0@x.example", rule="other") == 0
    assert await acts.cancel_waiting(email="p0@x.example", rule="demo") == 2
    assert await acts.cancel_waiting(email=None, rule="demo") == 2
    assert await acts.cancel_waiting(email=None, rule="demo") == 0
    assert await road.run("SELECT DISTINCT state, reason FROM enrollments") == [("cancelled", "by_operator")]
    assert await road.run("SELECT * FROM intents") == []
    assert len(await road.run("SELECT * FROM journal WHERE cause = 'cancelled_by_operator'")) == 4


async def test_a_filter_for_no_person_never_matches_all(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1"))
    acts = EnrollmentOperatorStore(road.engine)
    with pytest.raises(ValueError, match="nothing is named"):
        await acts.cancel_waiting(email=None, rule=None)
    await road.run("UPDATE enrollments SET state = 'parked', reason = 'gave_up'")
    with pytest.raises(ValueError, match="nothing is named"):
        await acts.release_parked(reason=None, rule=None, sender=None)
    assert await road.state() == ("parked", "gave_up")
