"""Enrollments of a restored database against the sandbox: what was sent before is found, and never sent again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from app.clock import utc_now
from app.enrollments.operator_store import EnrollmentOperatorStore
from tests.support.road import ONE_STEP

if TYPE_CHECKING:
    from tests.support.road import Road

# The database as it was an hour ago, when nothing of this enrollment had been sent.
REWIND = """
    UPDATE enrollments SET state = 'ready', step = NULL, due_at = clock_timestamp(), contact_id = NULL,
           occupied_contact_id = NULL, baseline_count = NULL, baseline_sequence = NULL, baseline_date = NULL,
           sending_at = NULL, first_sending_at = NULL, hubspot_enrollment_id = NULL, enrolled_at = NULL,
           confirm_at = NULL, follow_at = NULL, created_at = clock_timestamp() - interval '2 hours'
"""
RESTORED = "INSERT INTO restores (since, until) VALUES (now() - interval '1 hour', now())"
SETTLED = timedelta(minutes=3)


async def restored(road: Road, *, ended: bool = True) -> None:
    """Rewind the database, and let HubSpot's sequences end where they would have."""
    await road.run("DELETE FROM journal")
    await road.run("DELETE FROM sender_reservations")
    await road.run(REWIND)
    await road.run(RESTORED)
    if ended:
        await road.control("settings", {"one_step_seconds": 0.001})
    road.at(utc_now() + SETTLED)


@pytest.mark.parametrize("sequence", ["310001", ONE_STEP])
async def test_what_was_sent_before_is_recorded_and_not_sent_again(road: Road, make_entry: Any, sequence: str) -> None:
    await road.control("settings", {"one_step_seconds": 0.001})
    await road.accept(make_entry("e1", sequence=sequence))
    assert await road.enroll() == ("enrolled", None)
    await restored(road)
    assert await road.enroll() == ("enrolled", None)
    assert len(await road.control("ledger")) == 1
    ((cause,),) = await road.run("SELECT cause FROM journal WHERE after = 'enrolled'")
    ((since, confirm_at, follow_at),) = await road.run("SELECT enrolled_at, confirm_at, follow_at FROM enrollments")
    assert cause == "found_after_restore"
    assert abs(since - utc_now()) < timedelta(minutes=2)
    assert confirm_at is None
    assert follow_at is not None


async def test_what_was_not_sent_before_is_sent(road: Road, make_entry: Any) -> None:
    await road.accept(make_entry("e1"))
    await restored(road)
    assert await road.enroll() == ("enrolled", None)
    assert len(await road.control("ledger")) == 1
    ((cause,),) = await road.run("SELECT cause FROM journal WHERE after = 'enrolled'")
    assert cause == "enrolled"


async def test_hubspot_is_read_only_once_it_shows_what_was_sent_last(road: Road, make_entry: Any) -> None:
    await road.accept(make_entry("e1"))
    await restored(road)
    road.at(utc_now())
    assert await road.enroll() == ("held", "after_restore")
    assert await road.run("SELECT due_at = until + interval '90 seconds' FROM enrollments, restores") == [(True,)]
    assert road.calls == []


async def test_what_hubspot_cannot_tell_apart_is_parked_and_sent_when_a_person_says_so(
    road: Road, make_entry: Any
) -> None:
    await road.accept(make_entry("e1", sequence=ONE_STEP))
    await road.control("settings", {"one_step_seconds": 0.001})
    await road.control("enroll-elsewhere", {"email": "ada@corp.example", "sequence": "310003"})
    await road.control("enroll-elsewhere", {"email": "ada@corp.example", "sequence": "310003"})
    await road.run("UPDATE enrollments SET sequence = '310001'")
    await restored(road)
    assert await road.enroll() == ("parked", "after_restore")
    ((identity, detail),) = await road.run("SELECT id, detail FROM enrollments")
    assert "latest is sequence 310003 since" in detail
    operator = EnrollmentOperatorStore(road.engine)
    assert await operator.release_parked(reason="after_restore", rule=None, sender=None) == 1
    assert await road.enroll() == ("parked", "after_restore")
    assert [entry for entry in await road.control("ledger") if entry["sequence"] == "310001"] == []
    assert await operator.release(identity)
    assert await road.enroll() == ("enrolled", None)


async def test_the_first_sequence_of_a_contact_hides_none(road: Road, make_entry: Any) -> None:
    await road.control("settings", {"one_step_seconds": 0.001})
    await road.control("enroll-elsewhere", {"email": "ada@corp.example", "sequence": "310003"})
    await road.accept(make_entry("e1"))
    await restored(road)
    assert await road.enroll() == ("enrolled", None)


async def test_who_was_enrolled_after_an_exit_that_may_be_forgotten_is_not_taken_out(
    road: Road, make_entry: Any
) -> None:
    entry = make_entry("e1", action="unenroll", sequence="", intent="", period=timedelta(), priority=32_767)
    await road.accept(entry)
    await road.control("settings", {"one_step_seconds": 3600.0})
    await road.control("enroll-elsewhere", {"email": "ada@corp.example", "sequence": "310002"})
    await restored(road, ended=False)
    await road.run("UPDATE enrollments SET received_at = now() - interval '2 hours'")
    road.at(utc_now())
    assert await road.enroll() == ("held", "after_restore")
    await road.run("UPDATE enrollments SET due_at = clock_timestamp()")
    await road.enrollments.release_due()
    road.at(utc_now() + SETTLED)
    assert await road.enroll() == ("parked", "after_restore")
    ((identity, triggered_at),) = await road.run("SELECT id, triggered_at FROM enrollments")
    assert triggered_at is None
    assert await EnrollmentOperatorStore(road.engine).release(identity)
    assert await road.enroll() == ("held", "unenrolling")


async def test_a_workflow_that_may_have_been_started_before_is_parked(road: Road, make_entry: Any) -> None:
    await road.accept(make_entry("e1", action="workflow", target="900001", sequence=""))
    await restored(road)
    assert await road.enroll() == ("parked", "after_restore")
    assert road.calls == []


@pytest.mark.parametrize(
    ("intent", "outcome"),
    [("sequence:310003", ("enrolled", None)), ("another", ("parked", "after_restore"))],
)
async def test_a_new_event_of_a_person_whose_enrollment_is_forgotten(
    road: Road, make_entry: Any, intent: str, outcome: tuple[str, str | None]
) -> None:
    await road.control("settings", {"one_step_seconds": 0.001})
    await road.accept(make_entry("e1", sequence=ONE_STEP))
    assert await road.enroll() == ("enrolled", None)
    await road.run("DELETE FROM enrollments")
    await road.run("DELETE FROM intents")
    await road.run(RESTORED)
    road.at(utc_now() + SETTLED)
    await road.accept(make_entry("e2", sequence=ONE_STEP, intent=intent))
    assert await road.enroll() == outcome
    assert len(await road.control("ledger")) == 1


async def test_a_worker_that_dies_while_it_reads_leaves_it_to_be_read_anew(road: Road, make_entry: Any) -> None:
    await road.control("settings", {"one_step_seconds": 0.001})
    await road.accept(make_entry("e1", sequence=ONE_STEP))
    assert await road.enroll() == ("enrolled", None)
    await restored(road)
    (claimed,) = await road.enrollments.claim_ready(10)
    await road.run("UPDATE enrollments SET leased_until = now() - interval '1 second'")
    await road.enrollments.reclaim_expired(first_read=30.0)
    assert await road.enroll() == ("enrolled", None)
    assert claimed.attempt == 2
    assert len(await road.control("ledger")) == 1


async def test_an_enrollment_that_was_not_looked_at_when_it_was_claimed_is_compared_all_the_same(
    road: Road, make_entry: Any
) -> None:
    await road.control("settings", {"one_step_seconds": 0.001})
    await road.accept(make_entry("e1", sequence=ONE_STEP))
    assert await road.enroll() == ("enrolled", None)
    await restored(road)
    (claimed,) = await road.enrollments.claim_ready(10)
    road.enroller.preparer.first_look.forget(claimed)
    await road.enroller.enroll(claimed)
    assert await road.state() == ("enrolled", None)
    assert len(await road.control("ledger")) == 1


async def test_new_enrollments_are_compared_until_the_period_of_their_intent_has_passed(
    road: Road, make_entry: Any
) -> None:
    await road.run(
        "INSERT INTO restores (since, until) SELECT now() - days, now() - days FROM (VALUES "
        "(interval '31 days'), (interval '29 days')) AS known (days)"
    )
    await road.accept(make_entry("e1", period=timedelta(days=30)))
    (claimed,) = await road.enrollments.claim_ready(10)
    first_look = road.enroller.preparer.first_look
    assert len(await first_look.gaps(claimed)) == 1
    first_look.forget(claimed)
    await road.run("UPDATE enrollments SET created_at = now() - interval '40 days'")
    assert len(await first_look.gaps(claimed)) == 2


async def test_what_was_parked_is_released_when_the_restores_are_gone(road: Road, make_entry: Any) -> None:
    await road.accept(make_entry("e1", action="workflow", target="900001", sequence=""))
    await restored(road)
    assert await road.enroll() == ("parked", "after_restore")
    await road.run("DELETE FROM restores")  # the tables went back to an earlier version and on again
    ((identity,),) = await road.run("SELECT id FROM enrollments")
    assert await EnrollmentOperatorStore(road.engine).release(identity)
