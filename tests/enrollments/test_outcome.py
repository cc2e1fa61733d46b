from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.enrollments.contact import missing_defaults
from app.enrollments.outcome import Change, Patience, after_failure
from app.enrollments.work_item import WorkItem
from app.errors import (
    BudgetSpent,
    DeclinedError,
    GrantRevoked,
    NotConnected,
    NotSent,
    OutcomeUnknown,
    Refusal,
    SegueError,
    StoreSlow,
)
from app.hubspot.api.faults import fault_of, faults
from app.model import Baseline, Enrollment, Plan, Sender, State, Step
from app.model.states import TRANSITIONS

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def enrollment(step: Step = Step.PREPARED, **changes: object) -> Enrollment:
    plain = Enrollment(
        id="enr_1",
        account="main",
        email="ada@corp.example",
        source="crm",
        rule="demo",
        sequence="310001",
        plan=Plan("anna"),
        sender=Sender("anna", "7001", "anna@acme.example"),
        properties={},
        require=(),
        state=State.WORKING,
        attempt=1,
        step=step,
        tries=0,
        first_failed_at=None,
        received_at=NOW,
        contact_id="501",
        baseline=Baseline(0, None, None),
        sending_at=NOW if step is Step.SENDING else None,
        first_sending_at=None,
        reads=0,
        resends=0,
        delivery_id="dlv_1",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def follow(error: SegueError, subject: Enrollment) -> tuple[State, Change]:
    return after_failure(error, subject, now=NOW, random=0.5, patience=Patience())


def test_an_ambiguous_request_is_uncertain_only_once_it_was_sending() -> None:
    after, change = follow(OutcomeUnknown("read timed out"), enrollment(Step.SENDING))
    assert after is State.UNCERTAIN
    assert change.due_at == NOW + timedelta(seconds=30)
    assert follow(OutcomeUnknown("read timed out"), enrollment(Step.PREPARED))[0] is State.READY


@pytest.mark.parametrize("error", [NotConnected("it is not connected"), GrantRevoked("uninstalled")])
def test_an_account_that_is_not_connected_holds_its_work_and_uses_up_no_patience(error: SegueError) -> None:
    tired = enrollment(Step.CLAIMED, tries=40, first_failed_at=NOW - timedelta(days=9))
    after, change = follow(error, tired)
    assert (after, change.reason, change.detail) == (State.HELD, "account_not_connected", str(error))
    assert (change.due_at, change.tries, change.first_failed_at) == (NOW + timedelta(hours=1), 0, None)


def test_what_never_left_is_tried_again_later() -> None:
    after, change = follow(NotSent("no connection"), enrollment(Step.SENDING))
    assert after is State.READY
    assert change.due_at is not None
    assert change.due_at >= NOW
    assert (change.tries, change.first_failed_at) == (1, NOW)
    assert (change.reason, change.detail) == ("hubspot_not_reached", "no connection")


def test_a_slow_store_is_not_blamed_on_hubspot() -> None:
    after, change = follow(StoreSlow("a commit took 3 s"), enrollment(Step.SENDING))
    assert (after, change.reason, change.detail) == (State.READY, "store_slow", "a commit took 3 s")
    assert change.due_at is not None


@pytest.mark.parametrize(
    ("code", "after"),
    [
        ("BOUNCED", State.REFUSED),
        ("LOCKED", State.READY),
        ("RATE_LIMIT_DAILY", State.HELD),
        ("PERMANENT_FAIL", State.PARKED),
        ("A_NEW_CODE", State.PARKED),
    ],
)
def test_a_refusal_goes_where_the_fault_table_says(code: str, after: State) -> None:
    state, change = follow(Refusal(code, status=400), enrollment(Step.SENDING))
    assert state is after
    assert fault_of(code).sentence in (change.detail or "") or after is State.READY


def test_a_spent_budget_is_held_until_it_is_free() -> None:
    until = NOW + timedelta(hours=3)
    assert follow(BudgetSpent("quota", until), enrollment()) == (
        State.HELD,
        Change("held", "quota", f"quota is spent until {until:%Y-%m-%d %H:%M} UTC", due_at=until),
    )


def test_an_empty_required_property_is_refused_and_named() -> None:
    with pytest.raises(DeclinedError) as declined:
        missing_defaults(WorkItem(enrollment(require=("firstname",))))
    after, change = follow(declined.value, enrollment())
    assert after is State.REFUSED
    assert change.detail == "the contact has no firstname"


def test_retries_end_after_72_hours_with_a_person() -> None:
    tired = enrollment(tries=40, first_failed_at=NOW - timedelta(hours=72, seconds=1))
    after, change = follow(NotSent("no connection"), tired)
    assert after is State.PARKED
    assert (change.reason, change.detail) == ("gave_up", "tried for 3 days, last: no connection")


ERRORS = st.one_of(
    st.builds(lambda code, s: Refusal(code, status=s), st.sampled_from([*faults(), "X"]), st.integers(400, 599)),
    st.just(OutcomeUnknown("x")),
    st.just(NotSent("x")),
    st.just(BudgetSpent("quota", NOW)),
    st.just(DeclinedError("missing_property", "x")),
    st.just(SegueError("x")),
)


@given(ERRORS, st.sampled_from(Step), st.integers(0, 100), st.floats(0, 0.999))
def test_whatever_happens_leads_to_a_state_that_the_table_allows(
    error: SegueError, step: Step, tries: int, random: float
) -> None:
    after, change = after_failure(
        error,
        enrollment(step, tries=tries),
        now=NOW,
        random=random,
        patience=Patience(),
    )
    assert after in TRANSITIONS[State.WORKING]
    assert (change.due_at is not None) == (after in {State.READY, State.HELD, State.UNCERTAIN})
