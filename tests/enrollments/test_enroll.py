"""One enrollment at a time against the sandbox: what HubSpot says, and what stands in the record afterwards."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from app.clock import utc_now
from app.enrollments.operator_store import EnrollmentOperatorStore
from app.model import State
from app.senders.quota_store import PERIOD
from tests.support.road import ONE_STEP

if TYPE_CHECKING:
    from tests.support.road import Road


async def test_a_yes_is_enrolled_with_hubspots_id(road: Road, make_entry: Any) -> None:
    await road.accept(make_entry("e1"))
    assert await road.enroll() == ("enrolled", None)
    ((identity, since),) = await road.run("SELECT hubspot_enrollment_id, enrolled_at FROM enrollments")
    (entry,) = await road.control("ledger")
    assert identity == entry["enrollment_id"]
    assert abs(since - utc_now()) < timedelta(minutes=1)
    assert [step.change.cause for step in road.transitions] == [
        "claimed",
        "assigned",
        "prepared",
        "sending",
        "enrolled",
    ]
    assert [step.after for step in road.transitions] == [State.WORKING] * 4 + [State.ENROLLED]


@pytest.mark.parametrize(
    ("email", "code"),
    [
        ("una@lost.example", "UNSUBSCRIBED"),
        ("bo@lost.example", "BOUNCED"),
        ("dom@blocked.example", "BLOCKED_DOMAIN"),
        ("sam@lost.example", "PREVIOUSLY_MARKED_AS_SPAM"),
        ("al@corp.example", "ALREADY_ENROLLED"),
    ],
)
async def test_a_no_about_the_contact_is_final_and_frees_its_intent(
    road: Road, make_entry: Any, email: str, code: str
) -> None:
    await road.accept(make_entry("e1", email))
    assert await road.enroll() == ("refused", code)
    assert await road.run("SELECT * FROM intents") == []
    assert await road.run("SELECT * FROM sender_reservations") == []
    ((detail,),) = await road.run("SELECT detail FROM enrollments")
    assert f"({code}) HubSpot says: " in detail


async def test_a_sequence_that_does_not_exist_is_parked(road: Road, make_entry: Any) -> None:
    await road.accept(make_entry("e1", sequence="399999"))
    state, _ = await road.enroll()
    assert state == "parked"


async def test_an_unknown_code_is_parked_and_never_repeated(road: Road, make_entry: Any) -> None:
    await road.fault(kind="status", status=400, code="SOMETHING_NEW")
    await road.accept(make_entry("e1"))
    assert await road.enroll() == ("parked", "SOMETHING_NEW")
    assert len(await road.control("ledger")) == 1


async def test_a_missing_property_refuses_before_anything_is_sent(road: Road, make_entry: Any) -> None:
    entry = make_entry("e1", "stranger@new.example")
    await road.accept(entry)
    await road.run("UPDATE enrollments SET properties = '{}'")
    assert await road.enroll() == ("refused", "missing_property")
    assert await road.control("ledger") == []


async def test_a_refused_token_is_tried_again_until_72_hours_have_passed(road: Road, make_entry: Any) -> None:
    await road.fault(kind="status", status=401, code="INVALID_AUTHENTICATION")
    await road.accept(make_entry("e1"))
    assert await road.enroll() == ("ready", "INVALID_AUTHENTICATION")
    assert await road.run("SELECT tries, due_at - first_failed_at FROM enrollments") == [(1, timedelta(seconds=1))]
    await road.run("UPDATE enrollments SET first_failed_at = now() - interval '73 hours', due_at = now()")
    assert await road.enroll() == ("parked", "gave_up")


async def test_a_429_waits_as_long_as_hubspot_says(road: Road, make_entry: Any) -> None:
    await road.fault(kind="status", status=429, code="RATE_LIMIT", retry_after="30")
    await road.accept(make_entry("e1"))
    state, _ = await road.enroll()
    assert state == "ready"
    assert await road.run("SELECT due_at - first_failed_at FROM enrollments") == [(timedelta(seconds=30),)]


async def test_a_full_inbox_holds_each_until_a_place_of_its_own_falls_free(road: Road, make_entry: Any) -> None:
    for number in range(3):
        await road.accept(make_entry(f"e{number}", f"{'abc'[number]}@new.example"))
        (claimed,) = await road.enrollments.claim_ready(1)
        await road.enroller.enroll(claimed)
    for number in range(4):
        await road.accept(make_entry(f"f{number}", f"{'wxyz'[number]}@new.example"))
        (claimed,) = await road.enrollments.claim_ready(1)
        await road.enroller.enroll(claimed)
    places = [row[0] for row in await road.run("SELECT reserved_at FROM sender_reservations ORDER BY reserved_at")]
    held = await road.run("SELECT due_at FROM enrollments WHERE state = 'held' AND reason = 'quota' ORDER BY id")
    assert [row[0] for row in held] == [*(place + PERIOD for place in places), places[0] + 2 * PERIOD]
    assert len(await road.control("ledger")) == 3


async def test_a_lost_answer_to_a_processed_request_is_found_by_the_first_read(road: Road, make_entry: Any) -> None:
    await road.fault(kind="drop_after")
    await road.accept(make_entry("e1"))
    assert await road.enroll() == ("uncertain", "no_outcome")
    assert await road.settle() == ("enrolled", None)
    assert len(await road.control("ledger")) == 1


async def test_a_one_step_sequence_that_has_ended_is_found_by_its_properties(road: Road, make_entry: Any) -> None:
    await road.control("settings", {"one_step_seconds": 0.001})
    await road.fault(kind="drop_after")
    await road.accept(make_entry("e1", sequence=ONE_STEP))
    assert await road.enroll() == ("uncertain", "no_outcome")
    assert await road.settle() == ("enrolled", None)
    assert len(await road.control("ledger")) == 1


async def test_three_equal_reads_lead_to_one_more_request(road: Road, make_entry: Any) -> None:
    await road.fault(kind="drop_before", times=1)
    await road.accept(make_entry("e1"))
    assert await road.enroll() == ("uncertain", "no_outcome")
    assert [await road.settle() for _ in range(3)][-1][0] == "ready"
    assert await road.enroll() == ("enrolled", None)
    assert [entry["processed"] for entry in await road.control("ledger")] == [False, True]


async def test_what_stays_without_an_answer_is_parked_after_the_last_re_send(road: Road, make_entry: Any) -> None:
    await road.fault(kind="drop_before")
    await road.accept(make_entry("e1"))
    for _ in range(3):
        assert await road.enroll() == ("uncertain", "no_outcome")
        for _ in range(3):
            state, reason = await road.settle()
    assert (state, reason) == ("parked", "unsettled")
    assert len(await road.control("ledger")) == 3


async def test_another_users_enrollment_meanwhile_is_parked(road: Road, make_entry: Any) -> None:
    await road.fault(kind="drop_before")
    await road.accept(make_entry("e1"))
    await road.enroll()
    await road.control("enroll-elsewhere", {"email": "ada@corp.example", "sequence": "310002"})
    assert [await road.settle() for _ in range(3)][-1] == ("parked", "unsettled")


async def test_what_changed_before_a_re_send_and_is_not_ours_alone_is_parked(road: Road, make_entry: Any) -> None:
    await road.control("settings", {"one_step_seconds": 0.001, "property_lag": 3600.0})
    await road.fault(kind="drop_after", times=1)
    await road.accept(make_entry("e1", sequence=ONE_STEP))
    await road.enroll()
    assert [await road.settle() for _ in range(3)][-1][0] == "ready"
    # Another enrollment of the same person goes first, and only then does HubSpot show both.
    await road.control("settings", {"property_lag": 0.0})
    await road.control("enroll-elsewhere", {"email": "ada@corp.example", "sequence": "310002"})
    assert await road.enroll() == ("parked", "unsettled")
    assert len(await road.control("ledger")) == 1


async def test_already_enrolled_after_a_re_send_is_ours_when_the_sequence_and_the_time_are(
    road: Road, make_entry: Any
) -> None:
    await road.control("settings", {"property_lag": 3600.0})
    await road.fault(kind="drop_after", times=1)
    await road.accept(make_entry("e1"))
    await road.enroll()
    # As if every read had come before HubSpot showed anything.
    await road.run(
        "UPDATE enrollments SET state = 'ready', step = NULL, resends = 1, due_at = clock_timestamp(), "
        "leased_by = NULL, leased_until = NULL"
    )
    assert await road.enroll() == ("enrolled", None)
    assert [step.change.cause for step in road.transitions][-1] == "already_enrolled_by_us"
    assert [entry["outcome"] for entry in await road.control("ledger")][-1] == "ALREADY_ENROLLED"


async def test_a_read_that_fails_leaves_it_uncertain(road: Road, make_entry: Any) -> None:
    await road.fault(kind="drop_after")
    await road.accept(make_entry("e1"))
    await road.enroll()
    await road.fault(route="read", kind="status", status=503)
    assert (await road.settle())[0] == "uncertain"
    await road.fault()
    assert await road.settle() == ("enrolled", None)


async def test_a_later_look_confirms_and_never_changes_the_state(road: Road, make_entry: Any) -> None:
    await road.accept(make_entry("e1"))
    await road.enroll()
    await road.confirmer.confirm()
    assert await road.run("SELECT state, confirmation FROM enrollments") == [("enrolled", "seen")]
    assert road.confirmations == ["seen"]


async def test_what_hubspot_does_not_show_later_is_listed_and_stays_enrolled(road: Road, make_entry: Any) -> None:
    await road.control("settings", {"property_lag": 3600.0})
    await road.accept(make_entry("e1"))
    await road.enroll()
    await road.confirmer.confirm()
    assert await road.run("SELECT state, confirmation FROM enrollments") == [("enrolled", "not_seen")]


@pytest.mark.parametrize("status", [401, 403, 423, 429, 503])
async def test_what_hubspot_says_of_the_account_says_nothing_of_the_contact(
    road: Road, make_entry: Any, status: int
) -> None:
    await road.accept(make_entry("e1"))
    await road.enroll()
    await road.fault(route="read", kind="status", status=status, times=1)
    await road.confirmer.confirm()
    assert await road.run("SELECT confirmation, confirm_at > clock_timestamp() FROM enrollments") == [(None, True)]
    await road.run("UPDATE enrollments SET confirm_at = clock_timestamp() - interval '1 hour'")
    await road.run("UPDATE rate_windows SET blocked_until = NULL")
    await road.confirmer.confirm()
    assert road.confirmations == ["seen"]


async def test_a_contact_that_is_gone_is_not_seen(road: Road, make_entry: Any) -> None:
    await road.accept(make_entry("e1"))
    await road.enroll()
    await road.run("UPDATE enrollments SET contact_id = '99999999'")
    await road.confirmer.confirm()
    assert road.confirmations == ["not_seen"]


async def test_what_is_parked_can_be_released_once_its_cause_is_mended(road: Road, make_entry: Any) -> None:
    await road.fault(kind="status", status=400, code="SOMETHING_NEW", times=1)
    await road.accept(make_entry("e1"))
    assert await road.enroll() == ("parked", "SOMETHING_NEW")
    ((identity,),) = await road.run("SELECT id FROM enrollments")
    acts = EnrollmentOperatorStore(road.engine)
    assert await acts.release(identity)
    assert not await acts.release(identity)
    assert await road.enroll() == ("enrolled", None)
    causes = await road.run("SELECT before, after, cause FROM journal WHERE cause LIKE '%operator'")
    assert causes == [("parked", "ready", "released_by_operator")]


async def test_what_was_released_after_a_lost_answer_is_not_sent_twice(road: Road, make_entry: Any) -> None:
    await road.control("settings", {"property_lag": 3600.0})
    await road.fault(kind="drop_after", times=1)
    await road.accept(make_entry("e1"))
    await road.enroll()
    await road.run("UPDATE enrollments SET state = 'parked', leased_by = NULL, leased_until = NULL")
    ((identity,),) = await road.run("SELECT id FROM enrollments")
    await EnrollmentOperatorStore(road.engine).release(identity)
    assert await road.enroll() == ("enrolled", None)
    assert [step.change.cause for step in road.transitions][-1] == "already_enrolled_by_us"


async def test_what_may_be_enrolled_already_is_sent_again_only_by_an_operator_who_has_looked_at_it(
    road: Road, make_entry: Any
) -> None:
    await road.control("settings", {"one_step_seconds": 0.001})
    await road.accept(make_entry("e1", sequence=ONE_STEP))
    await road.fault(route="enroll", kind="drop_after", times=1)
    assert await road.enroll() == ("uncertain", "no_outcome")
    # Meanwhile a user of HubSpot puts the contact into another sequence, and that ends, too.
    await road.control("enroll-elsewhere", {"email": "ada@corp.example", "sequence": "310002"})
    await road.control("happen", {"email": "ada@corp.example", "what": "reply"})
    assert [await road.settle() for _ in range(3)][-1] == ("parked", "unsettled")
    acts = EnrollmentOperatorStore(road.engine)
    for reason in ("unsettled", "unreadable"):
        await road.run(f"UPDATE enrollments SET reason = '{reason}'")  # noqa: S608  # a word of the list above
        assert await acts.release_parked(reason=None, rule=None, sender="anna") == 1
        assert await road.enroll() == ("parked", "unsettled")
    assert len(await road.control("ledger")) == 1
    ((identity,),) = await road.run("SELECT id FROM enrollments")
    assert await acts.release(identity)
    assert (await road.enroll())[0] == "enrolled"
    assert len(await road.control("ledger")) == 2


async def test_who_may_be_in_a_workflow_already_is_released_one_by_one(road: Road, make_entry: Any) -> None:
    await road.accept(make_entry("e1"))
    await road.run("UPDATE enrollments SET state = 'parked', reason = 'no_outcome'")
    acts = EnrollmentOperatorStore(road.engine)
    assert await acts.release_parked(reason=None, rule="demo", sender=None) == 0
    ((identity,),) = await road.run("SELECT id FROM enrollments")
    assert await acts.release(identity)


@pytest.mark.parametrize("state", ["held", "ready", "parked"])
async def test_what_has_not_been_sent_can_be_cancelled_and_frees_its_intent(
    road: Road, make_entry: Any, state: str
) -> None:
    await road.accept(make_entry("e1"))
    await road.run(f"UPDATE enrollments SET state = '{state}'")  # noqa: S608  # a word of the list above
    ((identity,),) = await road.run("SELECT id FROM enrollments")
    assert await EnrollmentOperatorStore(road.engine).cancel(identity)
    assert await road.state() == ("cancelled", "by_operator")
    assert await road.run("SELECT * FROM intents") == []
    assert await road.enrollments.claim_ready(10) == []
    assert await road.run("SELECT before, after FROM journal ORDER BY id DESC LIMIT 1") == [(state, "cancelled")]


@pytest.mark.parametrize("state", ["working", "uncertain", "enrolled", "refused", "cancelled"])
async def test_nothing_else_can_be_released_or_cancelled(road: Road, make_entry: Any, state: str) -> None:
    await road.accept(make_entry("e1"))
    await road.run(f"UPDATE enrollments SET state = '{state}'")  # noqa: S608  # a word of the list above
    ((identity,),) = await road.run("SELECT id FROM enrollments")
    acts = EnrollmentOperatorStore(road.engine)
    assert not await acts.cancel(identity)
    assert not await acts.release(identity)
    assert (await road.state())[0] == state
