"""Who is not enrolled, or not yet: suppressed people, caps, priorities; and what is written to the contact."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from app.enrollments.operator_store import EnrollmentOperatorStore
from app.enrollments.prepare import RECHECK_AFTER
from app.people.suppression import read
from app.people.suppression_store import SuppressionStore

if TYPE_CHECKING:
    from tests.conftest import MakeEntry
    from tests.support.road import Road


async def step(road: Road) -> tuple[str, str, str | None]:
    """Take the one that is ready to its outcome; return whose it was, and its state and reason."""
    (claimed,) = await road.enrollments.claim_ready(1)
    await road.enroller.enroll(claimed)
    ((email, state, reason),) = await road.run(
        f"SELECT email, state, reason FROM enrollments WHERE id = '{claimed.id}'"  # noqa: S608  # an id of ours
    )
    return email, state, reason


async def settle(road: Road) -> tuple[str, str | None]:
    """Read the uncertain one once, as if its time had come; return its state and reason."""
    await road.run("UPDATE enrollments SET due_at = clock_timestamp() WHERE state = 'uncertain'")
    (claimed,) = await road.enrollments.claim_uncertain(1)
    await road.settler.settle(claimed)
    ((state, reason),) = await road.run(
        f"SELECT state, reason FROM enrollments WHERE id = '{claimed.id}'"  # noqa: S608  # an id of ours
    )
    return state, reason


async def look_again(road: Road) -> tuple[str, str | None]:
    """Take the one that waits to its outcome, as if its time had come; return its state and reason."""
    await road.run("UPDATE enrollments SET due_at = clock_timestamp() WHERE state = 'held'")
    await road.enrollments.release_due()
    return (await step(road))[1:]


async def properties(road: Road, email: str) -> dict[str, str]:
    people = await road.control("people")
    return next(person["properties"] for person in people if person["properties"].get("email") == email)


async def test_a_suppressed_person_is_refused_before_any_call_to_hubspot(road: Road, make_entry: MakeEntry) -> None:
    books = SuppressionStore(road.engine)
    for entry in (
        "ada@corp.example",
        "rival.example",
        "*@*.gov",
        r"we_ird\%*@x.example",
        "*@b\u00fccher.example",
        "strasse.example",
    ):
        await books.add(read(entry), None)
    people = {
        "ada@corp.example": "the suppression list has this address",
        "a@rival.example": "the suppression list has the domain rival.example",
        "b@tax.gov": "the suppression list has the pattern *@*.gov",
        r"we_ird\%1@x.example": r"the suppression list has the pattern we_ird\%*@x.example",
        "c@xn--bcher-kva.example": "the suppression list has the pattern *@xn--bcher-kva.example",
        "x@rules.example": "the rules suppress the domain rules.example",
        "\u200by@rules\u00ad.example": "the rules suppress the domain rules.example",
        "\u200bd@rival.example": "the suppression list has the domain rival.example",
        "d@xn--strae-oqa.example": "the suppression list has the domain strasse.example",
    }
    for email, detail in people.items():
        await road.accept(make_entry(email, email))
        assert await step(road) == (email, "refused", "suppressed")
        assert await road.run("SELECT detail FROM enrollments ORDER BY id DESC LIMIT 1") == [(detail,)]
    assert (await road.control("calls"))["total"] == 0
    assert await road.run("SELECT * FROM intents") == []
    for email in ("ada@corp.example.org", "b@sub.rival.example", "wexird1@x.example"):
        await road.accept(make_entry(email, email))
        assert (await step(road))[1] == "enrolled"


async def test_no_person_is_enrolled_more_often_than_the_cap(road: Road, make_entry: MakeEntry) -> None:
    await road.control("settings", {"one_step_seconds": 0.001})
    for number in range(3):
        await road.accept(make_entry(f"e{number}", intent=f"i{number}", sequence="310003"))
        assert (await step(road))[1:] == (("enrolled", None) if number < 2 else ("refused", "person_cap"))
    ((detail,),) = await road.run("SELECT detail FROM enrollments WHERE state = 'refused'")
    assert detail == "the person was, or may have been, enrolled 2 times in 30 days, and 2 are allowed"
    await road.accept(make_entry("other", "bea@corp.example", sender="ben"))
    assert (await step(road))[1] == "enrolled"
    await road.run("UPDATE enrollments SET enrolled_at = enrolled_at - interval '31 days'")
    await road.accept(make_entry("later", intent="i9", sequence="310003"))
    assert (await step(road))[1] == "enrolled"


async def test_an_enrollment_whose_answer_was_lost_counts_for_the_cap(road: Road, make_entry: MakeEntry) -> None:
    await road.control("settings", {"one_step_seconds": 0.001})
    await road.fault(route="enroll", kind="drop_after", times=1)
    await road.accept(make_entry("settled", intent="i0", sequence="310003"))
    assert (await step(road))[1:] == ("uncertain", "no_outcome")
    assert await settle(road) == ("enrolled", None)
    await road.control("settings", {"property_lag": 3600})
    await road.fault(route="enroll", kind="drop_after", times=1)
    await road.accept(make_entry("found", intent="i1", sequence="310001"))
    assert (await step(road))[1:] == ("uncertain", "no_outcome")
    assert await settle(road) == ("enrolled", None)  # by the status route: the properties lag
    assert await road.run("SELECT DISTINCT enrolled_at FROM enrollments") == [(None,)]
    await road.accept(make_entry("third", intent="i2", sequence="310003"))
    assert (await step(road))[1:] == ("refused", "person_cap")
    await road.run("UPDATE enrollments SET first_sending_at = first_sending_at - interval '31 days'")
    await road.accept(make_entry("later", intent="i3", sequence="310003"))
    assert (await step(road))[1:] == ("refused", "ALREADY_ENROLLED")  # HubSpot's no, not the cap's


async def test_what_may_have_been_sent_counts_for_the_cap_and_what_was_refused_does_not(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.control("settings", {"one_step_seconds": 0.001})
    await road.fault(route="enroll", kind="status", status=400, code="BLOCKED_ADDRESS", times=1)
    await road.accept(make_entry("refused", intent="i0", sequence="310003"))
    assert (await step(road))[1:] == ("refused", "BLOCKED_ADDRESS")
    for number in (1, 2):
        await road.fault(route="enroll", kind="drop_after", times=1)
        await road.accept(make_entry(f"e{number}", intent=f"i{number}", sequence="310003"))
        assert (await step(road))[1:] == ("uncertain", "no_outcome")
        # A user of HubSpot puts the contact into another sequence meanwhile: what became of ours is unknown.
        await road.control("enroll-elsewhere", {"email": "ada@corp.example", "sequence": "310002"})
        await road.control("happen", {"email": "ada@corp.example", "what": "reply"})
        assert [await settle(road) for _ in range(3)][-1] == ("parked", "unsettled")
    ((identity,),) = await road.run("SELECT id FROM enrollments WHERE intent = 'i2'")
    assert await EnrollmentOperatorStore(road.engine).cancel(
        identity
    )  # as for a person whom HubSpot shows to be enrolled
    await road.accept(make_entry("third", intent="i3", sequence="310003"))
    assert (await step(road))[1:] == ("refused", "person_cap")


async def test_of_one_persons_enrollments_the_highest_priority_goes_first(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("low", intent="low"))
    await road.accept(make_entry("high", intent="high", sequence="310002", priority=10))
    (claimed,) = await road.enrollments.claim_ready(10)
    assert claimed.sequence == "310002"


async def test_a_lower_priority_waits_for_a_higher_one_that_waits_itself(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("high", intent="high", priority=10, delay=timedelta(days=36_500)))
    await road.accept(make_entry("low", intent="low", sequence="310002"))
    assert await road.enrollments.claim_ready(10) == []
    await road.enrollments.hold_blocked()
    assert await road.run("SELECT reason FROM enrollments ORDER BY id") == [("delay",), ("other_enrollment",)]
    await road.run("UPDATE enrollments SET due_at = clock_timestamp()")
    await road.enrollments.release_due()
    assert (await step(road))[1:] == ("enrolled", None)
    assert await road.run("SELECT state FROM enrollments ORDER BY id") == [("enrolled",), ("ready",)]


async def test_the_end_of_another_sequence_is_waited_for_where_the_rule_says_so(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.accept(make_entry("e1", "al@corp.example", if_enrolled="wait"))
    assert (await step(road))[1:] == ("held", "already_enrolled")
    assert await road.control("ledger") == []
    await road.accept(make_entry("e2", "bea@corp.example", if_enrolled="wait"))
    await road.control("settings", {"property_lag": 3600})
    await road.control("enroll-elsewhere", {"email": "bea@corp.example", "sequence": "310002"})
    assert (await step(road))[1:] == ("held", "already_enrolled")
    assert len(await road.control("ledger")) == 1  # the properties lag, so that HubSpot itself had to say it


async def test_who_waited_for_the_end_of_another_sequence_is_enrolled_when_it_has_ended(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.accept(make_entry("e1", "al@corp.example", if_enrolled="wait"))
    assert (await step(road))[1:] == ("held", "already_enrolled")
    ((wait,),) = await road.run("SELECT due_at - updated_at FROM enrollments")
    assert abs(wait - RECHECK_AFTER) < timedelta(minutes=1)
    assert await look_again(road) == ("held", "already_enrolled")
    await road.control("happen", {"email": "al@corp.example", "what": "finish"})
    assert await look_again(road) == ("enrolled", None)
    assert [entry["outcome"] for entry in await road.control("ledger")] == ["enrolled"]
    assert (await road.run("SELECT count(*) FROM intents"))[0] == (1,)


async def test_a_required_property_that_is_empty_is_filled_with_its_default(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1", "x@new.example", properties={}, defaults=(("firstname", "there"),)))
    assert (await step(road))[1:] == ("enrolled", None)
    assert (await properties(road, "x@new.example"))["firstname"] == "there"
    await road.accept(make_entry("e2", "ada@corp.example", properties={}, defaults=(("firstname", "there"),)))
    assert (await step(road))[1:] == ("enrolled", None)
    assert (await properties(road, "ada@corp.example"))["firstname"] == "Ada"


async def test_the_contact_is_given_to_its_sender_unless_it_has_an_owner(road: Road, make_entry: MakeEntry) -> None:
    await road.write("bea@corp.example", hubspot_owner_id="90212")
    for email, facts, owner in [
        ("ada@corp.example", {"owner": "sender"}, "90211"),
        ("bea@corp.example", {"owner": "sender"}, "90212"),
        ("cid@corp.example", {"owner": "ben"}, "90212"),
        ("dee@corp.example", {}, None),
    ]:
        await road.accept(make_entry(email, email, sender="ben" if email.startswith("d") else "anna", **facts))
        assert (await step(road))[1:] == ("enrolled", None)
        assert (await properties(road, email)).get("hubspot_owner_id") == owner
    await road.run("DELETE FROM sender_reservations")
    await road.write("eve@corp.example", hubspot_owner_id="90212")
    await road.accept(make_entry("e9", "eve@corp.example", owner="sender", overwrite_owner=True))
    assert (await step(road))[1:] == ("enrolled", None)
    assert (await properties(road, "eve@corp.example"))["hubspot_owner_id"] == "90211"


async def test_the_contact_says_why_it_was_enrolled(road: Road, make_entry: MakeEntry) -> None:
    back = (("source", "city"), ("rule", "country"), ("decision", "website"))
    entry = make_entry("e1", write_back=back)
    await road.accept(entry)
    assert (await step(road))[1:] == ("enrolled", None)
    kept = await properties(road, "ada@corp.example")
    assert (kept["city"], kept["country"]) == ("crm", "demo")
    assert kept["website"] == entry.events[0].decisions[0].id
