"""A person is the contact that HubSpot found: what holds for one of its addresses or ids holds for all of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from app.enrollments.conflict import Conflict
from app.enrollments.outcome import Change
from app.model import Baseline, Sender, State
from app.people.identity import Person
from app.people.suppression import read
from app.people.suppression_store import SuppressionStore
from tests.support.enrollments import until_a_statement_waits, worker

if TYPE_CHECKING:
    from tests.conftest import MakeEntry
    from tests.support.road import Road

PRIMARY, SECONDARY = "prim@corp.example", "sec@corp.example"
LATER = timedelta(days=36_500)
NOTHING = Baseline(0, None, None)
LEAVES: dict[str, Any] = {"sequence": "", "intent": "", "period": timedelta(), "priority": 32_767, "require": ()}
WORKFLOW: dict[str, Any] = {"sequence": "", "action": "workflow", "target": "910002", "require": ()}
NOW_DUE = "UPDATE enrollments SET state = 'ready', due_at = clock_timestamp() WHERE state = 'held'"


@pytest.fixture(autouse=True)
async def contact(road: Road) -> str:
    """One contact with two addresses; return its id. Its sequences end soon after they began."""
    await road.control("settings", {"one_step_seconds": 0.001})
    made: str = (await road.control("contacts", {"email": PRIMARY, "additional": [SECONDARY]}))["id"]
    return made


async def turn(road: Road) -> tuple[str, str | None, str | None]:
    """Take the one that is due to its outcome; return its state, reason and detail."""
    (claimed,) = await road.enrollments.claim_ready(1)
    await road.enroller.enroll(claimed)
    ((state, reason, detail),) = await road.run(
        f"SELECT state, reason, detail FROM enrollments WHERE id = '{claimed.id}'"  # noqa: S608  # an id of ours
    )
    return state, reason, detail


async def id_of(road: Road, email: str) -> str:
    ((identity,),) = await road.run(f"SELECT id FROM enrollments WHERE email = '{email}' ORDER BY id DESC LIMIT 1")  # noqa: S608  # ours
    return str(identity)


async def requests(road: Road) -> int:
    return len(await road.control("ledger"))


@pytest.mark.parametrize(
    ("entry", "detail"),
    [
        (PRIMARY, "the contact that HubSpot found has a suppressed address: the suppression list has this address"),
        ("*@corp.example", "the suppression list has the pattern *@corp.example"),
    ],
)
async def test_a_suppressed_primary_address_keeps_the_secondary_one_from_being_enrolled(
    road: Road, make_entry: MakeEntry, entry: str, detail: str
) -> None:
    await SuppressionStore(road.engine).add(read(entry), None)
    await road.accept(make_entry("e1", SECONDARY))
    assert await turn(road) == ("refused", "suppressed", detail)
    assert await requests(road) == 0
    assert await road.run("SELECT * FROM intents") == []


async def test_a_suppressed_secondary_address_keeps_the_primary_one_from_being_enrolled(
    road: Road, make_entry: MakeEntry
) -> None:
    await SuppressionStore(road.engine).add(read(SECONDARY), None)
    await road.accept(make_entry("e1", PRIMARY))
    assert (await turn(road))[:2] == ("refused", "suppressed")
    assert await requests(road) == 0


async def test_an_address_that_is_suppressed_while_a_prepared_enrollment_waits_counts(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.accept(make_entry("e1", SECONDARY))
    road.meanwhile.append(partial(SuppressionStore(road.engine).add, read(PRIMARY), None))
    assert (await turn(road))[:2] == ("refused", "suppressed")
    assert await requests(road) == 0


async def test_a_suppressed_contact_is_put_into_no_workflow_by_another_address(
    road: Road, make_entry: MakeEntry
) -> None:
    await SuppressionStore(road.engine).add(read(PRIMARY), None)
    await road.accept(make_entry("e1", SECONDARY, **WORKFLOW))
    assert (await turn(road))[:2] == ("refused", "suppressed")
    assert await road.control("workflow-enrollments") == []


async def test_an_intent_that_the_contact_has_by_one_address_is_a_duplicate_by_the_other(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.accept(make_entry("e1", PRIMARY, sequence="310003"))
    assert (await turn(road))[0] == "enrolled"
    await road.accept(make_entry("e2", SECONDARY))
    first = await id_of(road, PRIMARY)
    detail = f"duplicate of {first}: HubSpot has one contact for both addresses"
    assert await turn(road) == ("refused", "duplicate", detail)
    assert await requests(road) == 1
    await road.accept(make_entry("e3", SECONDARY, intent="other", sequence="310003"))
    assert (await turn(road))[0] == "enrolled"


async def test_an_intent_whose_period_is_over_is_no_duplicate(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1", PRIMARY, sequence="310003"))
    assert (await turn(road))[0] == "enrolled"
    await road.run("UPDATE intents SET until = clock_timestamp()")
    await road.accept(make_entry("e2", SECONDARY, sequence="310003"))
    assert (await turn(road))[0] == "enrolled"


async def test_of_two_that_wait_the_one_that_was_heard_first_is_enrolled_whichever_is_prepared_first(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.accept(make_entry("first", PRIMARY, delay=LATER))
    await road.accept(make_entry("second", SECONDARY))
    assert (await turn(road))[:2] == ("refused", "duplicate")
    await road.run(NOW_DUE)
    assert (await turn(road))[0] == "enrolled"


async def test_an_address_that_the_contact_had_before_counts_by_the_id_of_the_contact(
    road: Road, make_entry: MakeEntry, contact: str
) -> None:
    await road.accept(make_entry("e1", "old@corp.example"))
    (claimed,) = await road.enrollments.claim_ready(1)
    await road.enrollments.move(replace(claimed, contact_id=contact), State.ENROLLED, Change("enrolled"))
    await road.accept(make_entry("e2", PRIMARY))
    assert (await turn(road))[:2] == ("refused", "duplicate")


async def test_a_contact_that_was_merged_meanwhile_is_one_person(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1", "ada@corp.example", sequence="310003"))
    assert (await turn(road))[0] == "enrolled"
    merged = (await road.control("merge", {"email": PRIMARY, "other": "ada@corp.example"}))["id"]
    await road.accept(make_entry("e2", SECONDARY))
    assert (await turn(road))[:2] == ("refused", "duplicate")
    await road.accept(make_entry("e3", SECONDARY, intent="other", sequence="310003"))
    assert (await turn(road))[0] == "enrolled"
    assert await road.run("SELECT contact_id FROM enrollments WHERE intent = 'other'") == [(merged,)]


async def test_an_enrollment_that_waits_goes_on_under_the_id_of_the_merged_contact(
    road: Road, make_entry: MakeEntry, contact: str
) -> None:
    await road.accept(make_entry("e1", PRIMARY, if_enrolled="wait"))
    await road.control("settings", {"one_step_seconds": 3600.0})
    await road.control("enroll-elsewhere", {"email": PRIMARY, "sequence": "310003"})
    assert (await turn(road))[:2] == ("held", "already_enrolled")
    assert await road.run("SELECT contact_id FROM enrollments") == [(contact,)]
    await road.control("happen", {"email": PRIMARY, "what": "reply"})
    merged = (await road.control("merge", {"email": "ada@corp.example", "other": PRIMARY}))["id"]
    await road.run(NOW_DUE)
    assert (await turn(road))[0] == "enrolled"
    assert await road.run("SELECT contact_id FROM enrollments") == [(merged,)]


async def test_the_cap_counts_the_enrollments_of_all_addresses(road: Road, make_entry: MakeEntry) -> None:
    for number, email in enumerate((PRIMARY, SECONDARY, SECONDARY)):
        await road.accept(make_entry(f"e{number}", email, intent=f"i{number}", sequence="310003"))
        expected = ("enrolled", None) if number < 2 else ("refused", "person_cap")
        assert (await turn(road))[:2] == expected
    assert await requests(road) == 2


async def test_the_cap_counts_by_the_contact_whose_address_was_changed(
    road: Road, make_entry: MakeEntry, contact: str
) -> None:
    await road.control("contacts", {"email": PRIMARY, "additional": []})
    for number in range(2):
        await road.accept(make_entry(f"e{number}", PRIMARY, intent=f"i{number}", sequence="310003"))
        assert (await turn(road))[0] == "enrolled"
    await road.run(f"UPDATE enrollments SET email = 'old@corp.example' WHERE contact_id = '{contact}'")  # noqa: S608  # ours
    await road.accept(make_entry("e3", PRIMARY, intent="i3", sequence="310003"))
    assert (await turn(road))[:2] == ("refused", "person_cap")


@pytest.mark.parametrize("action", ["cancel", "unenroll"])
async def test_a_person_who_left_by_one_address_is_not_enrolled_by_what_came_before_under_the_other(
    road: Road, make_entry: MakeEntry, action: str
) -> None:
    await road.accept(make_entry("leaves", SECONDARY, **LEAVES | {"action": action}))
    assert (await turn(road))[0] == "done"
    await road.accept(make_entry("e1", PRIMARY))
    await road.run("UPDATE enrollments SET heard_at = heard_at - interval '1 hour' WHERE state = 'ready'")
    left_by = await id_of(road, SECONDARY)
    state, reason, detail = await turn(road)
    assert (state, reason) == ("refused", "left_since")
    assert left_by in (detail or "")
    assert await requests(road) == 0
    await road.accept(make_entry("back", PRIMARY))
    assert (await turn(road))[0] == "enrolled"


async def test_a_person_who_leaves_by_another_address_while_a_prepared_enrollment_waits_is_not_sent(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.accept(make_entry("e1", PRIMARY))
    road.meanwhile.append(partial(road.accept, make_entry("leaves", SECONDARY, **LEAVES | {"action": "cancel"})))
    assert (await turn(road))[:2] == ("refused", "left_since")
    assert await requests(road) == 0


async def test_who_unenrolls_by_one_address_ends_what_waits_under_the_other(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1", PRIMARY, delay=LATER))
    await road.accept(make_entry("leaves", SECONDARY, **LEAVES | {"action": "unenroll"}))
    assert await turn(road) == ("done", None, "1 that waited were cancelled; the contact was in no sequence")
    assert await road.run(f"SELECT state FROM enrollments WHERE email = '{PRIMARY}'") == [("cancelled",)]  # noqa: S608  # ours


async def test_who_leaves_by_one_address_ends_what_waits_under_the_other_as_far_as_the_contact_is_known(
    road: Road, make_entry: MakeEntry, contact: str
) -> None:
    await road.accept(make_entry("before", SECONDARY))
    assert (await turn(road))[0] == "enrolled"
    await road.accept(make_entry("e1", PRIMARY, intent="other", delay=LATER))
    await road.run(f"UPDATE enrollments SET contact_id = '{contact}'")  # noqa: S608  # as an earlier attempt has done
    await road.accept(make_entry("leaves", SECONDARY, **LEAVES | {"action": "cancel"}))
    assert await turn(road) == ("done", None, "1 that waited were cancelled")


async def test_who_unenrolls_waits_for_a_request_of_another_address_that_is_under_way(
    road: Road, make_entry: MakeEntry, contact: str
) -> None:
    await road.accept(make_entry("e1", PRIMARY))
    other = worker(road.engine, "other")
    (claimed,) = await other.claim_ready(1)
    assert await other.checkpoint_prepared(claimed, Person(contact, (contact,)), NOTHING, None) is None
    await road.accept(make_entry("leaves", SECONDARY, **LEAVES | {"action": "unenroll"}))
    assert (await turn(road))[:2] == ("held", "other_enrollment")
    await other.move(claimed, State.ENROLLED, Change("enrolled"))
    await road.run(NOW_DUE)
    assert (await turn(road))[0] == "done"


async def test_two_addresses_of_one_contact_that_two_workers_send_at_the_same_time_are_sent_once(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.control("settings", {"delay_ms": {"read": 200}})
    await road.accept(make_entry("e1", PRIMARY))
    await road.accept(make_entry("e2", SECONDARY))
    claimed = [await worker(road.engine, name).claim_ready(1) for name in ("one", "two")]
    await asyncio.gather(*(road.enroller.enroll(one) for (one,) in claimed))
    assert await requests(road) == 1
    states = {state for (state,) in await road.run("SELECT state FROM enrollments")}
    assert states in ({"enrolled", "held"}, {"enrolled", "refused"})
    await road.run(NOW_DUE)
    for one in await road.enrollments.claim_ready(1):
        await road.enroller.enroll(one)
    assert await road.run("SELECT state, reason FROM enrollments ORDER BY state") == [
        ("enrolled", None),
        ("refused", "duplicate"),
    ]
    assert await requests(road) == 1


async def test_of_two_checkpoints_of_one_contact_at_one_time_one_is_written_whatever_their_intents(
    road: Road, make_entry: MakeEntry
) -> None:
    people = [f"p{number}@corp.example" for number in range(12)]
    for number, email in enumerate(people):
        await road.accept(make_entry(f"e{number}", email, intent=f"i{number}"))
    claimed = await road.enrollments.claim_ready(20)
    person = Person("501", ("501",))
    outcomes = await asyncio.gather(
        *(road.enrollments.checkpoint_prepared(one, person, NOTHING, None) for one in claimed)
    )
    assert [outcome is None for outcome in outcomes].count(True) == 1
    assert {outcome.busy for outcome in outcomes if outcome} <= {"", *(one.id for one in claimed)}
    assert await road.run("SELECT count(*) FROM enrollments WHERE step = 'prepared'") == [(1,)]


async def test_a_checkpoint_that_does_not_see_the_other_one_yet_waits_for_it_and_yields(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.accept(make_entry("e1", "one@corp.example"))
    await road.accept(make_entry("e2", "two@corp.example"))
    first, second = await road.enrollments.claim_ready(2)
    written = f"UPDATE enrollments SET step = 'prepared', occupied_contact_id = '501' WHERE id = '{first.id}'"  # noqa: S608  # ours
    async with road.engine.begin() as connection:
        await connection.execute(text(written))
        person = Person("501", ("501",))
        other = asyncio.create_task(road.enrollments.checkpoint_prepared(second, person, NOTHING, None))
        waits = asyncio.create_task(until_a_statement_waits(road.engine))
        await asyncio.wait({other, waits}, return_when=asyncio.FIRST_COMPLETED)
    waits.cancel()
    assert await other == Conflict(busy="")


async def test_the_contact_is_free_again_once_its_enrollment_has_ended_and_not_while_its_outcome_is_unknown(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.accept(make_entry("e1", "one@corp.example"))
    await road.accept(make_entry("e2", "two@corp.example", intent="other"))
    first, second = await road.enrollments.claim_ready(2)
    person = Person("501", ("501",))
    checkpoint = partial(road.enrollments.checkpoint_prepared, second, person, NOTHING, None)
    assert await road.enrollments.checkpoint_prepared(first, person, NOTHING, None) is None
    await road.enrollments.commit_sending(first, Sender("anna", "7001", "anna@acme.example"), limit=None)
    await road.run(f"UPDATE enrollments SET state = 'uncertain' WHERE id = '{first.id}'")  # noqa: S608  # an id of ours
    conflict = await checkpoint()
    assert conflict is not None
    assert conflict.busy == first.id
    await road.run(f"UPDATE enrollments SET state = 'enrolled', step = NULL WHERE id = '{first.id}'")  # noqa: S608  # ours
    assert await checkpoint() is None


async def test_who_waits_for_a_request_of_another_address_becomes_ready_when_that_has_ended(
    road: Road, make_entry: MakeEntry, contact: str
) -> None:
    await road.accept(make_entry("e1", PRIMARY))
    other = worker(road.engine, "other")
    (claimed,) = await other.claim_ready(1)
    assert await other.checkpoint_prepared(claimed, Person(contact, (contact,)), NOTHING, None) is None
    await road.accept(make_entry("e2", SECONDARY, intent="other", sequence="310003"))
    state, reason, detail = await turn(road)
    assert (state, reason, detail) == ("held", "other_enrollment", f"it waits for {claimed.id} of the same contact")
    await other.move(claimed, State.REFUSED, Change("refused", "BOUNCED"))
    assert (await turn(road))[0] == "enrolled"


async def test_no_contact_is_taken_out_of_its_sequence_for_a_duplicate(road: Road, make_entry: MakeEntry) -> None:
    await road.control("settings", {"one_step_seconds": 3600.0})
    await road.accept(make_entry("e1", PRIMARY, sequence="310003"))
    assert (await turn(road))[0] == "enrolled"
    await road.accept(make_entry("e2", SECONDARY, if_enrolled="replace"))
    assert (await turn(road))[:2] == ("refused", "duplicate")
    assert await road.run("SELECT * FROM journal WHERE cause = 'triggered'") == []


async def test_a_contact_with_one_address_costs_no_further_call(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1", "ada@corp.example"))
    assert (await turn(road))[0] == "enrolled"
    before = (await road.control("calls"))["total"]  # with the definitions of properties, which are read once
    await road.accept(make_entry("e2", "bob@corp.example"))
    assert (await turn(road))[0] == "enrolled"
    assert (await road.control("calls"))["total"] - before == 3  # the write, the read and the request
