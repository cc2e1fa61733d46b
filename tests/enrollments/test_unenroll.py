"""Taking contacts out of sequences by a workflow, for rules that unenroll and that replace; putting them into one."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from app.clock import utc_now
from app.enrollments.operator_store import EnrollmentOperatorStore
from app.enrollments.store import EnrollmentStore
from app.model import UnenrollWorkflow
from app.rules.file.documents import Document
from app.rules.load import load
from tests.support.direct import direct
from tests.support.road import RULES

if TYPE_CHECKING:
    from app.intake.entries import IntakeRecord
    from tests.conftest import MakeEntry
    from tests.support.road import Road

ADA = "ada@corp.example"
UNENROLL: dict[str, Any] = {
    "sequence": "",
    "intent": "",
    "period": timedelta(),
    "action": "unenroll",
    "priority": 32_767,
}
CANCEL = UNENROLL | {"action": "cancel"}
SLOW = RULES.replace("{property: segue_unenroll}", "{property: segue_unenroll, takes: 1h, within: 2h}")
WORKFLOW: dict[str, Any] = {"sequence": "", "intent": "news", "action": "workflow", "target": "910002", "require": ()}
BY_WORKFLOW = RULES.replace("unenroll: {property: segue_unenroll}", 'unenroll: {workflow: "910001"}')
LATER = UnenrollWorkflow().takes + timedelta(seconds=1)


async def turn(road: Road) -> tuple[str, str | None]:
    """Take the one that is due to its outcome; return its state and reason."""
    await road.run("UPDATE enrollments SET due_at = clock_timestamp() WHERE reason = 'unenrolling'")
    await road.enrollments.release_due()
    (claimed,) = await road.enrollments.claim_ready(10)
    await road.enroller.enroll(claimed)
    ((state, reason),) = await road.run(
        f"SELECT state, reason FROM enrollments WHERE id = '{claimed.id}'"  # noqa: S608  # an id of ours
    )
    return state, reason


async def contact(road: Road, email: str = ADA) -> dict[str, Any]:
    people = await road.control("people")
    found: dict[str, Any] = next(person for person in people if person["properties"].get("email") == email)
    return found


async def in_a_sequence(road: Road, email: str = ADA, **settings: float) -> None:
    await road.control("settings", {"bridge_seconds": 0.0, "one_step_seconds": 3600.0, **settings})
    await road.control("enroll-elsewhere", {"email": email, "sequence": "310002"})


async def causes(road: Road) -> list[str]:
    return [cause for (cause,) in await road.run("SELECT cause FROM journal ORDER BY id")]


async def test_a_contact_is_taken_out_of_whatever_sequence_it_is_in(road: Road, make_entry: MakeEntry) -> None:
    await in_a_sequence(road)
    await road.accept(make_entry("waits", delay=timedelta(days=36_500)))
    await road.accept(make_entry("e1", **UNENROLL))
    assert await turn(road) == ("held", "unenrolling")
    assert (await contact(road))["properties"]["segue_unenroll"] == "true"
    road.at(utc_now() + LATER)
    assert await turn(road) == ("done", None)
    assert (await contact(road))["running"] is None
    assert not (await contact(road))["properties"].get("segue_unenroll")
    assert await road.run("SELECT state, detail FROM enrollments ORDER BY id") == [
        ("cancelled", None),
        ("done", "0 that waited were cancelled; the contact is in no sequence any more"),
    ]
    assert [cause for cause in await causes(road) if cause.endswith("triggered")] == ["triggered", "untriggered"]


async def test_a_person_in_no_sequence_or_not_even_in_hubspot_is_done_at_once(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.accept(make_entry("e1", **UNENROLL))
    assert await turn(road) == ("done", None)
    await road.accept(make_entry("e2", "nobody@new.example", **UNENROLL))
    assert await turn(road) == ("done", None)
    assert await road.run("SELECT detail FROM enrollments ORDER BY id") == [
        ("0 that waited were cancelled; the contact was in no sequence",),
        ("0 that waited were cancelled; HubSpot knows no such contact",),
    ]
    assert await road.control("workflow-enrollments") == []


async def test_nothing_ends_before_the_workflow_can_have_come_round(road: Road, make_entry: MakeEntry) -> None:
    await in_a_sequence(road, bridge_seconds=3600.0)
    await road.accept(make_entry("e1", **UNENROLL))
    assert await turn(road) == ("held", "unenrolling")
    await road.control("happen", {"email": ADA, "what": "reply"})
    calls = (await road.control("calls"))["total"]
    assert await turn(road) == ("held", "unenrolling")
    assert (await road.control("calls"))["total"] == calls


async def test_a_workflow_that_is_off_is_found_out_and_reported(road: Road, make_entry: MakeEntry) -> None:
    await in_a_sequence(road, bridge_seconds=3600.0)
    await road.accept(make_entry("e1", **UNENROLL))
    await turn(road)
    road.at(utc_now() + LATER)
    assert await turn(road) == ("held", "unenrolling")
    road.at(utc_now() + UnenrollWorkflow().within + LATER)
    assert await turn(road) == ("parked", "unenroll_unfinished")
    ((identity, detail),) = await road.run("SELECT id, detail FROM enrollments")
    assert "property segue_unenroll" in detail
    # Released, it begins anew: the property, which is set still, is emptied first, or nothing would start.
    assert await EnrollmentOperatorStore(road.engine).release(identity)
    assert await turn(road) == ("held", "unenrolling")
    assert len(await road.control("workflow-enrollments")) == 2


@pytest.mark.parametrize("lag", [0.0, 3600.0])
async def test_another_sequence_is_replaced(road: Road, make_entry: MakeEntry, lag: float) -> None:
    await in_a_sequence(road, property_lag=lag)
    await road.accept(make_entry("e1", if_enrolled="replace"))
    assert await turn(road) == ("held", "unenrolling")
    # Where the properties lag, HubSpot itself had to say that the contact is in a sequence.
    assert len(await road.control("ledger")) == (1 if lag else 0)
    await road.control("settings", {"property_lag": 0.0})
    road.at(utc_now() + LATER)
    assert await turn(road) == ("enrolled", None)
    assert (await contact(road))["running"]["sequence"]["id"] == "310001"
    assert await road.run("SELECT triggered_at FROM enrollments") == [(None,)]


async def test_a_contact_in_no_sequence_is_enrolled_at_once_where_the_rule_replaces(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.accept(make_entry("e1", if_enrolled="replace"))
    assert await turn(road) == ("enrolled", None)
    assert await road.control("workflow-enrollments") == []


async def test_an_enrollment_of_ours_whose_answer_was_lost_is_not_replaced(road: Road, make_entry: MakeEntry) -> None:
    """Its first request worked, unseen until the second one: that must not count as another sequence."""
    await road.control("settings", {"bridge_seconds": 0.0, "property_lag": 3600.0})
    await road.accept(make_entry("e1", if_enrolled="replace"))
    await road.fault(route="enroll", kind="drop_after", times=1)
    (claimed,) = await road.enrollments.claim_ready(1)
    await road.enroller.enroll(claimed)
    await road.run("UPDATE enrollments SET state = 'ready', due_at = clock_timestamp()")
    assert await turn(road) == ("enrolled", None)
    assert await road.control("workflow-enrollments") == []


async def test_no_other_enrollment_of_a_person_runs_while_a_workflow_takes_the_contact_out(
    road: Road, make_entry: MakeEntry
) -> None:
    await in_a_sequence(road)
    await road.accept(make_entry("e1", if_enrolled="replace"))
    await turn(road)
    await road.accept(make_entry("e2", intent="urgent", sequence="310003", priority=100))
    assert await road.enrollments.claim_ready(10) == []
    await road.enrollments.hold_blocked()
    assert await road.run("SELECT reason FROM enrollments ORDER BY id") == [("unenrolling",), ("other_enrollment",)]
    road.at(utc_now() + LATER)
    assert await turn(road) == ("enrolled", None)


async def test_one_that_is_cancelled_on_the_way_out_holds_its_person_for_a_while(
    road: Road, make_entry: MakeEntry
) -> None:
    await in_a_sequence(road)
    await road.accept(make_entry("e1", if_enrolled="replace"))
    await turn(road)
    ((identity,),) = await road.run("SELECT id FROM enrollments")
    assert await EnrollmentOperatorStore(road.engine).cancel(identity)
    await road.accept(make_entry("e2", intent="next", sequence="310003"))
    assert await road.enrollments.claim_ready(10) == []
    await road.run(
        "UPDATE enrollments SET triggered_until = triggered_until - interval '16 minutes' WHERE state = 'cancelled'"
    )
    assert len(await road.enrollments.claim_ready(10)) == 1


async def test_a_second_event_goes_on_with_what_the_first_began(road: Road, make_entry: MakeEntry) -> None:
    await in_a_sequence(road)
    await road.accept(make_entry("e1", **UNENROLL))
    await turn(road)
    await road.accept(make_entry("e2", **UNENROLL))
    assert await road.enrollments.claim_ready(10) == []
    road.at(utc_now() + LATER)
    assert await turn(road) == ("done", None)
    assert await turn(road) == ("done", None)
    assert len(await road.control("workflow-enrollments")) == 1


async def test_after_a_crash_the_next_worker_looks_and_begins_nothing(road: Road, make_entry: MakeEntry) -> None:
    await in_a_sequence(road)
    await road.accept(make_entry("e1", **UNENROLL))
    (dying,) = await road.enrollments.claim_ready(1)
    await road.enrollments.workflow_started(dying, "501", "set")
    await road.run("UPDATE enrollments SET leased_until = clock_timestamp() - interval '1 s'")
    await EnrollmentStore(direct(road.engine), account="main", worker="w2", lease=15.0).reclaim_expired(first_read=30.0)
    assert await turn(road) == ("held", "unenrolling")
    assert await road.control("workflow-enrollments") == []


@pytest.mark.parametrize("unnamed", [False, True])
async def test_a_bridge_that_hubspot_refuses_is_parked_and_nothing_is_under_way(
    road: Road, make_entry: MakeEntry, *, unnamed: bool
) -> None:
    await in_a_sequence(road)
    await road.control("settings", {"unnamed_properties": unnamed})
    text = RULES.replace("segue_unenroll", "no_such_property")
    road.books.append(load((Document("rules.yaml", text),), environment={}, providers={}))
    await road.accept(make_entry("e1", **UNENROLL))
    assert await turn(road) == ("parked", "bridge_refused")
    assert await road.run("SELECT triggered_at FROM enrollments") == [(None,)]


async def test_an_account_that_has_no_bridge_any_more_parks_what_needs_it(road: Road, make_entry: MakeEntry) -> None:
    await in_a_sequence(road)
    text = RULES.replace(", unenroll: {property: segue_unenroll}", "")
    road.books.append(load((Document("rules.yaml", text),), environment={}, providers={}))
    await road.accept(make_entry("e1", **UNENROLL))
    assert await turn(road) == ("parked", "no_bridge")


async def test_hubspot_out_of_reach_leaves_nothing_under_way(road: Road, make_entry: MakeEntry) -> None:
    await in_a_sequence(road)
    await road.accept(make_entry("e1", **UNENROLL))
    await road.fault(route="upsert", kind="status", status=429, code="RATE_LIMIT_TEN_SECONDLY", times=1)
    assert await turn(road) == ("ready", "RATE_LIMIT_TEN_SECONDLY")
    assert await road.run("SELECT triggered_at FROM enrollments") == [(None,)]


async def test_the_workflow_may_be_set_going_by_its_id(road: Road, make_entry: MakeEntry) -> None:
    await in_a_sequence(road)
    road.books.append(load((Document("rules.yaml", BY_WORKFLOW),), environment={}, providers={}))
    await road.accept(make_entry("e1", if_enrolled="replace"))
    assert await turn(road) == ("held", "unenrolling")
    road.at(utc_now() + LATER)
    assert await turn(road) == ("enrolled", None)
    (entry,) = await road.control("workflow-enrollments")
    assert (entry["flow_id"], entry["workflow_id"], entry["email"]) == ("910001", "5510001", ADA)


async def test_a_contact_is_put_into_a_workflow(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1", **WORKFLOW, properties={"company": "Acme"}))
    assert await turn(road) == ("done", None)
    (entry,) = await road.control("workflow-enrollments")
    assert (entry["flow_id"], entry["email"], entry["action"]) == ("910002", ADA, "enrolled")
    assert (await contact(road))["properties"]["company"] == "Acme"
    await road.accept(make_entry("e2", **WORKFLOW))
    assert await road.enrollments.claim_ready(10) == []


async def test_who_lacks_what_the_rule_requires_is_put_into_no_workflow(road: Road, make_entry: MakeEntry) -> None:
    facts = WORKFLOW | {"require": ("firstname",)}
    await road.accept(make_entry("e1", "x@new.example", **facts, properties={}))
    assert await turn(road) == ("refused", "missing_property")
    await road.accept(make_entry("e2", "y@new.example", **facts, properties={}, defaults=(("firstname", "there"),)))
    assert await turn(road) == ("done", None)
    assert [entry["email"] for entry in await road.control("workflow-enrollments")] == ["y@new.example"]


async def test_a_workflow_that_is_not_there_is_parked(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1", **(WORKFLOW | {"target": "999"})))
    assert await turn(road) == ("parked", "OBJECT_NOT_FOUND")


async def test_a_lost_answer_is_never_asked_for_again_blindly(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1", **WORKFLOW))
    await road.fault(route="workflow_enroll", kind="drop_after", times=1)
    assert await turn(road) == ("parked", "no_outcome")
    assert len(await road.control("workflow-enrollments")) == 1
    ((identity,),) = await road.run("SELECT id FROM enrollments")
    assert await EnrollmentOperatorStore(road.engine).release(identity)
    assert await turn(road) == ("done", None)


async def test_a_crash_while_putting_into_a_workflow_is_parked(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1", **WORKFLOW))
    (dying,) = await road.enrollments.claim_ready(1)
    await road.enrollments.workflow_started(dying, "501", "into workflow 910002")
    await road.run("UPDATE enrollments SET leased_until = clock_timestamp() - interval '1 s'")
    await road.enrollments.reclaim_expired(first_read=30.0)
    assert await turn(road) == ("parked", "no_outcome")
    assert await road.control("workflow-enrollments") == []
    assert await EnrollmentOperatorStore(road.engine).cancel(dying.id)
    await road.accept(make_entry("e2"))
    assert len(await road.enrollments.claim_ready(10)) == 1


async def test_what_was_surely_not_sent_is_tried_again(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1", **WORKFLOW))
    await road.fault(route="workflow_enroll", kind="status", status=429, code="RATE_LIMIT_TEN_SECONDLY", times=1)
    assert await turn(road) == ("ready", "RATE_LIMIT_TEN_SECONDLY")
    await road.run("UPDATE enrollments SET due_at = clock_timestamp()")
    await road.run("UPDATE rate_windows SET blocked_until = NULL")
    assert await turn(road) == ("done", None)


async def test_a_person_unenrolled_while_another_sequence_is_replaced_is_enrolled_into_neither(
    road: Road, make_entry: MakeEntry
) -> None:
    await in_a_sequence(road)
    await road.accept(make_entry("e1", if_enrolled="replace"))
    assert await turn(road) == ("held", "unenrolling")
    (began,) = await road.run("SELECT triggered_at FROM enrollments")
    await road.accept(make_entry("leaves", **UNENROLL))
    await road.enrollments.hold_blocked()
    # The way out that was begun goes on as its own: nothing is set going a second time, and it is waited for as long.
    assert await turn(road) == ("held", "unenrolling")
    assert await road.run("SELECT state, reason FROM enrollments ORDER BY id") == [
        ("cancelled", "by_rule"),
        ("held", "unenrolling"),
    ]
    assert await road.run("SELECT triggered_at FROM enrollments ORDER BY id") == [(None,), began]
    road.at(utc_now() + LATER)
    assert await turn(road) == ("done", None)
    assert (await contact(road))["running"] is None
    assert await road.control("ledger") == []
    assert len(await road.control("workflow-enrollments")) == 1
    # It has come to its end, so that no enrollment waits for it.
    await road.accept(make_entry("back", intent="back"))
    assert len(await road.enrollments.claim_ready(10)) == 1


async def test_a_way_out_that_an_older_replica_began_is_waited_for(road: Road, make_entry: MakeEntry) -> None:
    await in_a_sequence(road)
    await road.accept(make_entry("e1", if_enrolled="replace"))
    assert await turn(road) == ("held", "unenrolling")
    await road.run("UPDATE enrollments SET triggered_until = NULL")
    await road.accept(make_entry("e2", intent="other", sequence="310002"))
    assert await road.enrollments.claim_ready(10) == []


async def test_an_enrollment_cancelled_while_another_sequence_is_replaced_is_not_sent(
    road: Road, make_entry: MakeEntry
) -> None:
    await in_a_sequence(road)
    await road.accept(make_entry("e1", if_enrolled="replace"))
    assert await turn(road) == ("held", "unenrolling")
    await road.run("UPDATE enrollments SET state = 'ready', due_at = clock_timestamp()")
    await road.accept(make_entry("leaves", **CANCEL))
    assert await turn(road) == ("done", None)
    assert await road.run("SELECT state FROM enrollments ORDER BY id") == [("cancelled",), ("done",)]
    # The workflow is still running: another enrollment of the person waits for its end.
    await road.accept(make_entry("back", intent="back"))
    assert await road.enrollments.claim_ready(10) == []
    assert await road.control("ledger") == []


async def test_a_row_that_leads_out_goes_after_one_by_which_the_person_leaves(
    road: Road, make_entry: MakeEntry
) -> None:
    await in_a_sequence(road)
    await road.accept(make_entry("e1", if_enrolled="replace"))
    await turn(road)
    await road.accept(make_entry("leaves", **CANCEL))
    await road.run("UPDATE enrollments SET state = 'held', reason = 'other_enrollment' WHERE reason IS NULL")
    await road.run("UPDATE enrollments SET state = 'ready', due_at = clock_timestamp() WHERE reason = 'unenrolling'")
    assert await road.enrollments.claim_ready(10) == []


@pytest.mark.parametrize("ends", ["cancelled", "parked"])
async def test_the_workflow_keeps_others_waiting_for_as_long_as_the_account_says(
    road: Road, make_entry: MakeEntry, ends: str
) -> None:
    await in_a_sequence(road, bridge_seconds=3600.0)
    road.books.append(load((Document("rules.yaml", SLOW),), environment={}, providers={}))
    await road.accept(make_entry("e1", if_enrolled="replace"))
    assert await turn(road) == ("held", "unenrolling")
    ((identity,),) = await road.run("SELECT id FROM enrollments")
    if ends == "cancelled":
        assert await EnrollmentOperatorStore(road.engine).cancel(identity)
    else:
        text = RULES.replace(", unenroll: {property: segue_unenroll}", "")
        road.books.append(load((Document("rules.yaml", text),), environment={}, providers={}))
        assert await turn(road) == ("parked", "no_bridge")
    await road.accept(make_entry("e2", intent="next", sequence="310003"))
    await road.run("UPDATE enrollments SET triggered_until = triggered_until - interval '119 minutes'")
    assert await road.enrollments.claim_ready(10) == []
    await road.run("UPDATE enrollments SET triggered_until = triggered_until - interval '2 minutes'")
    assert len(await road.enrollments.claim_ready(10)) == 1


async def test_a_released_one_does_not_forget_a_workflow_that_is_under_way(road: Road, make_entry: MakeEntry) -> None:
    await in_a_sequence(road)
    await road.accept(make_entry("e1", if_enrolled="replace"))
    await turn(road)
    text = RULES.replace(", unenroll: {property: segue_unenroll}", "")
    road.books.append(load((Document("rules.yaml", text),), environment={}, providers={}))
    assert await turn(road) == ("parked", "no_bridge")
    road.books.pop()
    ((identity,),) = await road.run("SELECT id FROM enrollments")
    assert await EnrollmentOperatorStore(road.engine).release(identity)
    assert await turn(road) == ("held", "unenrolling")
    road.at(utc_now() + LATER)
    assert await turn(road) == ("enrolled", None)
    assert len(await road.control("workflow-enrollments")) == 1


@pytest.mark.parametrize("what", [WORKFLOW, UNENROLL])
async def test_an_older_id_that_is_not_learned_sends_nothing(
    road: Road, make_entry: MakeEntry, what: dict[str, Any]
) -> None:
    await in_a_sequence(road)
    road.books.append(load((Document("rules.yaml", BY_WORKFLOW),), environment={}, providers={}))
    await road.accept(make_entry("e1", **what))
    await road.fault(route="workflow_ids", kind="status", status=502, times=1)
    assert await turn(road) == ("ready", "hubspot_not_reached")
    assert await road.run("SELECT triggered_at FROM enrollments") == [(None,)]


async def test_who_is_refused_after_it_was_taken_out_is_parked_not_taken_out_for_ever(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.control("settings", {"bridge_seconds": 0.0})
    await road.accept(make_entry("e1", if_enrolled="replace"))
    await road.fault(route="enroll", kind="status", status=400, code="ALREADY_ENROLLED")
    assert await turn(road) == ("held", "unenrolling")
    road.at(utc_now() + LATER)
    assert await turn(road) == ("parked", "unenroll_unfinished")
    assert (await causes(road)).count("triggered") == 1


async def test_a_reading_that_fails_after_hubspots_no_makes_nothing_uncertain(
    road: Road, make_entry: MakeEntry
) -> None:
    await in_a_sequence(road, property_lag=3600.0)
    await road.accept(make_entry("e1", if_enrolled="replace"))
    await road.fault(route="status", kind="status", status=502, times=1)
    assert await turn(road) == ("ready", "hubspot_no_answer")
    assert await road.run("SELECT sending_at, first_sending_at FROM enrollments") == [(None, None)]


async def test_our_own_enrollment_that_hubspot_does_not_show_is_never_taken_out(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.control("settings", {"bridge_seconds": 0.0, "property_lag": 3600.0, "one_step_seconds": 3600.0})
    await unseen(road, make_entry("e1", if_enrolled="replace"))
    assert await turn(road) == ("uncertain", "ALREADY_ENROLLED")
    assert await road.control("workflow-enrollments") == []
    await road.fault()
    assert await road.settle() == ("enrolled", None)
    assert [entry["processed"] for entry in await road.control("ledger")].count(True) == 1


async def test_what_hubspot_does_not_show_is_parked_and_keeps_its_persons_intent(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.control("settings", {"property_lag": 3600.0, "one_step_seconds": 3600.0})
    await unseen(road, make_entry("e1"))
    state: tuple[str, str | None] = await turn(road)
    while state[0] in {"uncertain", "ready"}:
        state = await road.settle() if state[0] == "uncertain" else await again(road)
    assert state == ("parked", "unsettled")
    assert await road.run("SELECT count(*) FROM intents") == [(1,)]
    assert [entry["processed"] for entry in await road.control("ledger")].count(True) == 1


async def unseen(road: Road, entry: IntakeRecord) -> None:
    """Have it enrolled with the answer lost, and show it nowhere: its reads lead to one more request."""
    await road.accept(entry)
    await road.fault(route="enroll", kind="drop_after", times=1)
    assert await turn(road) == ("uncertain", "no_outcome")
    await road.fault(route="status", kind="status", status=404, code="OBJECT_NOT_FOUND")
    assert [await road.settle() for _ in range(3)][-1][0] == "ready"
    await road.run("UPDATE enrollments SET due_at = clock_timestamp()")


async def again(road: Road) -> tuple[str, str | None]:
    await road.run("UPDATE enrollments SET due_at = clock_timestamp()")
    return await turn(road)
