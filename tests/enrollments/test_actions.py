"""What rules do beside enrolling: write the contact, and end whatever waits for a person."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from app.people.suppression import read
from app.people.suppression_store import SuppressionStore

if TYPE_CHECKING:
    from tests.conftest import MakeEntry
    from tests.support.road import Road

LATER = timedelta(days=36_500)
ACT: dict[str, Any] = {"sequence": "", "intent": "", "period": timedelta()}


async def test_a_person_who_left_is_not_sent_what_waited(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1", delay=LATER, priority=100))
    await road.accept(make_entry("e2", intent="second", delay=LATER))
    await road.accept(make_entry("e3", "bea@corp.example", delay=LATER))
    await road.accept(make_entry("e4", intent="us", account="us", delay=LATER))
    await road.accept(make_entry("e5", action="cancel", **ACT, priority=32_767))
    (claimed,) = await road.enrollments.claim_ready(10)
    await road.enroller.enroll(claimed)
    states = await road.run("SELECT email, account, state, reason, detail FROM enrollments ORDER BY id")
    assert [row[2:4] for row in states] == [
        ("cancelled", "by_rule"),
        ("cancelled", "by_rule"),
        ("held", "delay"),
        ("held", "delay"),
        ("done", None),
    ]
    assert states[-1][4] == "2 that waited were cancelled"
    assert (await road.control("calls"))["total"] == 0
    journal = await road.run("SELECT cause, detail FROM journal WHERE after = 'cancelled'")
    assert journal == [("cancelled_by_rule", claimed.id)] * 2
    intents = await road.run("SELECT email, account FROM intents WHERE until > now() ORDER BY email DESC")
    assert intents == [("bea@corp.example", "main"), ("ada@corp.example", "us")]


async def test_a_person_may_leave_as_often_as_he_likes(road: Road, make_entry: MakeEntry) -> None:
    for number in range(2):
        await road.accept(make_entry(f"e{number}", action="cancel", **ACT))
        (claimed,) = await road.enrollments.claim_ready(10)
        await road.enroller.enroll(claimed)
    assert await road.run("SELECT state FROM enrollments") == [("done",), ("done",)]


async def test_an_update_writes_the_contact_and_sends_nothing(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1", action="update", **ACT, properties={"company": "Acme"}))
    (claimed,) = await road.enrollments.claim_ready(1)
    await road.enroller.enroll(claimed)
    assert await road.state() == ("done", None)
    people = await road.control("people")
    assert [p["properties"]["company"] for p in people if p["properties"].get("email") == "ada@corp.example"] == [
        "Acme"
    ]
    assert await road.control("ledger") == []


async def test_an_update_that_hubspot_does_not_take_is_parked_by_field(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1", action="update", **ACT, properties={"nonsense": "1"}))
    (claimed,) = await road.enrollments.claim_ready(1)
    await road.enroller.enroll(claimed)
    assert await road.state() == ("parked", "PROPERTY_DOESNT_EXIST")
    ((detail,),) = await road.run("SELECT detail FROM enrollments")
    assert "property nonsense: HubSpot has no such property" in detail


async def test_a_suppressed_person_is_not_written_either(road: Road, make_entry: MakeEntry) -> None:
    await SuppressionStore(road.engine).add(read("ada@corp.example"), None)
    await road.accept(make_entry("e1", action="update", **ACT))
    (claimed,) = await road.enrollments.claim_ready(1)
    await road.enroller.enroll(claimed)
    assert await road.state() == ("refused", "suppressed")
    assert (await road.control("calls"))["total"] == 0


async def company(road: Road) -> str | None:
    people = await road.control("people")
    ada = next(p["properties"] for p in people if p["properties"].get("email") == "ada@corp.example")
    company: str | None = ada.get("company")
    return company


async def turn(road: Road) -> tuple[str, str | None]:
    """Take the one that is due to its outcome; return its state and reason."""
    (claimed,) = await road.enrollments.claim_ready(10)
    await road.enroller.enroll(claimed)
    ((state, reason),) = await road.run(
        f"SELECT state, reason FROM enrollments WHERE id = '{claimed.id}'"  # noqa: S608  # an id of ours
    )
    return state, reason


async def test_an_update_does_not_wait_for_an_enrollment_that_waits(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1", priority=10, delay=LATER))
    await road.accept(make_entry("e2", action="update", **ACT, properties={"company": "Acme"}, require=()))
    assert await turn(road) == ("done", None)
    assert await company(road) == "Acme"


async def test_an_update_is_written_before_what_is_due_at_the_same_time(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1", priority=10))
    await road.accept(make_entry("e2", action="update", **ACT, properties={"company": "Acme"}, require=()))
    assert [await turn(road), await turn(road)] == [("done", None), ("enrolled", None)]


async def test_updates_of_one_person_are_written_in_the_order_in_which_they_came(
    road: Road, make_entry: MakeEntry
) -> None:
    for number in (1, 2, 3):
        facts: dict[str, Any] = {"properties": {"company": f"name {number}"}, "require": ()}
        await road.accept(make_entry(f"e{number}", action="update", **ACT, **facts))
    await road.fault(route="upsert", kind="status", status=429, code="RATE_LIMIT_TEN_SECONDLY", times=1)
    assert await turn(road) == ("ready", "RATE_LIMIT_TEN_SECONDLY")
    # The first one is tried again later; what came after it waits, and does not stand in anybody else's way.
    assert await road.enrollments.claim_ready(10) == []
    await road.enrollments.hold_blocked()
    await road.run("UPDATE enrollments SET due_at = clock_timestamp() WHERE state = 'ready'")
    await road.run("UPDATE rate_windows SET blocked_until = NULL")
    for number in (1, 2, 3):
        assert await turn(road) == ("done", None)
        assert await company(road) == f"name {number}"


async def test_an_update_waits_while_its_person_is_in_hand(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1"))
    await road.enrollments.claim_ready(1)
    await road.accept(make_entry("e2", action="update", **ACT, require=()))
    assert await road.enrollments.claim_ready(1) == []
