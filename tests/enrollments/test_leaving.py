"""Who leaves is not enrolled by what came before, whichever replica wrote it and whenever it was decided."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from app.enrollments.operator_store import EnrollmentOperatorStore

if TYPE_CHECKING:
    from tests.conftest import MakeEntry
    from tests.support.road import Road

LATER = timedelta(days=36_500)
LEAVES: dict[str, Any] = {"sequence": "", "intent": "", "period": timedelta(), "action": "cancel", "priority": 32_767}
HEARD_BEFORE = "UPDATE enrollments SET heard_at = heard_at - interval '1 hour' WHERE state = 'ready'"


async def turn(road: Road) -> tuple[str, str | None, str | None]:
    """Take the one that is due to its outcome; return its state, reason and detail."""
    (claimed,) = await road.enrollments.claim_ready(1)
    await road.enroller.enroll(claimed)
    ((state, reason, detail),) = await road.run(
        f"SELECT state, reason, detail FROM enrollments WHERE id = '{claimed.id}'"  # noqa: S608  # an id of ours
    )
    return state, reason, detail


@pytest.mark.parametrize("action", ["cancel", "unenroll"])
async def test_what_came_before_the_person_left_and_was_decided_later_is_refused(
    road: Road, make_entry: MakeEntry, action: str
) -> None:
    await road.accept(make_entry("leaves", **LEAVES | {"action": action}))
    assert (await turn(road))[0] == "done"
    calls = (await road.control("calls"))["total"]
    await road.accept(make_entry("e1"))
    await road.run(HEARD_BEFORE)
    ((left_by,),) = await road.run("SELECT id FROM enrollments WHERE state = 'done'")
    assert await turn(road) == ("refused", "left_since", f"the person has left since this event came: see {left_by}")
    assert (await road.control("calls"))["total"] == calls
    assert await road.run("SELECT intent FROM intents WHERE intent = 'demo'") == []


async def test_a_workflow_is_not_begun_for_a_person_who_has_left_and_the_contact_is_written_all_the_same(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.accept(make_entry("leaves", **LEAVES))
    await turn(road)
    await road.accept(make_entry("e1", sequence="", action="workflow", target="910002", require=()))
    await road.run(HEARD_BEFORE)
    assert (await turn(road))[:2] == ("refused", "left_since")
    await road.accept(make_entry("e2", sequence="", intent="x", action="update", require=()))
    await road.run(HEARD_BEFORE)
    assert (await turn(road))[0] == "done"


async def test_a_person_who_leaves_and_comes_back_is_enrolled(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("leaves", **LEAVES))
    await turn(road)
    await road.accept(make_entry("back"))
    assert (await turn(road))[0] == "enrolled"


async def test_others_and_other_accounts_and_who_did_not_leave_after_all_are_enrolled(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.accept(make_entry("leaves", **LEAVES))
    ((mistaken,),) = await road.run("SELECT id FROM enrollments")
    assert await EnrollmentOperatorStore(road.engine).cancel(mistaken)
    await road.accept(make_entry("bea", "bea@corp.example", **LEAVES))
    await turn(road)
    await road.accept(make_entry("us", account="us", **LEAVES))
    await road.run("UPDATE enrollments SET state = 'done' WHERE account = 'us'")
    await road.accept(make_entry("e1"))
    await road.run(HEARD_BEFORE)
    assert (await turn(road))[0] == "enrolled"


async def test_what_came_before_is_ended_though_the_clock_of_its_replica_is_ahead(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.accept(make_entry("e1", delay=LATER))
    await road.run("UPDATE enrollments SET id = 'enr_999999'")
    await road.accept(make_entry("leaves", **LEAVES))
    assert await turn(road) == ("done", None, "1 that waited were cancelled")


async def test_what_came_afterwards_is_not_ended_though_the_clock_of_its_replica_is_behind(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.accept(make_entry("leaves", **LEAVES))
    await road.run("UPDATE enrollments SET id = 'enr_999999'")
    await road.accept(make_entry("back", delay=LATER))
    assert await turn(road) == ("done", None, "0 that waited were cancelled")


async def test_rows_of_before_the_column_go_by_their_own_time(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1", delay=LATER))
    await road.accept(make_entry("leaves", **LEAVES))
    await road.accept(make_entry("back", intent="back", delay=LATER))
    await road.run("UPDATE enrollments SET heard_at = NULL")
    assert await turn(road) == ("done", None, "1 that waited were cancelled")
    await road.run("UPDATE enrollments SET state = 'ready', due_at = clock_timestamp() WHERE state = 'held'")
    assert (await turn(road))[0] == "enrolled"
