"""What may be asked for, how long it takes, and what a role may ask for: decided by plain functions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.bulk.estimate import Pace, seconds_left
from app.bulk.filters import Filter, filter_of
from app.bulk.job import MORE_THAN_COUNTED
from app.bulk.kinds import KINDS, kind_of
from app.bulk.limits import most_of, require_as_shown
from app.errors import BulkRefused, FilterRejected, MoreThanShown, TooManyForRole
from app.operators import Role

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
names = st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)
moments = st.none() | st.datetimes(timezones=st.just(UTC))


@given(st.builds(Filter, reason=names, rule=names, sender=names, states=st.just(("parked",)), since=moments))
def test_a_filter_is_kept_as_it_was_given(filter_: Filter) -> None:
    assert filter_of(filter_.as_json()) == filter_


@pytest.mark.parametrize("kind", ["release_parked", "release_as_rules_now"])
@pytest.mark.parametrize("reason", ["unsettled", "no_outcome"])
def test_what_may_have_happened_is_released_one_by_one(kind: str, reason: str) -> None:
    with pytest.raises(FilterRejected, match="look at each of them"):
        kind_of(kind).allowed.checked(Filter(reason=reason))
    assert kind_of("cancel").allowed.checked(Filter(reason=reason, states=("parked",))).reason == reason


@pytest.mark.parametrize(
    ("kind", "filter_", "message"),
    [
        ("release_parked", Filter(), "everything would match"),
        ("release_parked", Filter(lacks=("rule",)), "lacks: rule is none of reason, sender"),
        ("cancel", Filter(reason="odd", lacks=("reason",)), "lacks: reason is none of"),
        ("replay_outbound", Filter(endpoint="crm", lacks=("sender",)), "lacks: not a filter of this kind"),
        ("cancel", Filter(states=("ready",)), "everything would match"),
        ("cancel", Filter(lacks=("reason",)), "most of what waits"),
        ("cancel", Filter(lacks=("sender",), states=("held", "parked")), "most of what waits"),
        ("cancel", Filter(rule="demo", states=("enrolled",)), "enrolled cannot be meant"),
        ("release_parked", Filter(rule="demo", states=("held",)), "held cannot be meant"),
        ("release_parked", Filter(endpoint="crm", rule="demo"), "endpoint: not a filter of this kind"),
        ("replay_outbound", Filter(since=NOON), "at least one of endpoint"),
        ("replay_outbound", Filter(endpoint="crm", states=("waiting",)), "waiting cannot be meant"),
        ("cancel", Filter(rule=""), "a name has 1 to 200"),
        ("cancel", Filter(rule="a" * 201), "a name has 1 to 200"),
        ("cancel", Filter(rule="a\0"), "a name has 1 to 200"),
        ("cancel", Filter(since=NOON, until=NOON), "must be before until"),
        ("cancel", Filter(since=NOON.replace(tzinfo=None)), "with its zone"),
        ("cancel", Filter(since=datetime.max.replace(tzinfo=timezone(-timedelta(hours=2)))), "no such time in UTC"),
        ("burn", Filter(rule="demo"), "there is none called 'burn'"),
    ],
)
def test_what_is_no_filter_of_its_kind_is_rejected_with_a_sentence(kind: str, filter_: Filter, message: str) -> None:
    with pytest.raises(FilterRejected, match=message):
        kind_of(kind).allowed.checked(filter_)


def test_a_filter_without_states_means_those_that_its_kind_is_about() -> None:
    assert {name: kind.allowed.checked(_least(name)).states for name, kind in KINDS.items()} == {
        "cancel": ("held", "ready"),
        "release_as_rules_now": ("parked",),
        "release_parked": ("parked",),
        "replay_outbound": ("failed",),
    }


def _least(kind: str) -> Filter:
    return Filter(endpoint="crm") if kind == "replay_outbound" else Filter(rule="demo")


def test_a_filter_in_another_zone_is_the_same_time() -> None:
    moment = NOON.astimezone(timezone(timedelta(hours=5)))
    checked = kind_of("cancel").allowed.checked(Filter(since=moment))
    assert (checked.since, checked.since and checked.since.tzinfo) == (NOON, UTC)


def test_more_than_was_shown_is_not_done() -> None:
    require_as_shown(14, expected=14, role=Role.OPERATOR)
    require_as_shown(13, expected=14, role=Role.OPERATOR)
    with pytest.raises(MoreThanShown, match=r"15 match by now, and 14 were shown") as caught:
        require_as_shown(15, expected=14, role=Role.ADMIN)
    assert caught.value.count == 15
    require_as_shown(70_000, expected=MORE_THAN_COUNTED, role=Role.ADMIN)
    with pytest.raises(MoreThanShown):
        require_as_shown(10_001, expected=10_000, role=Role.ADMIN)
    with pytest.raises(BulkRefused, match="Nothing matches"):
        require_as_shown(0, expected=0, role=Role.ADMIN)


def test_an_operator_may_ask_for_a_thousand_and_an_admin_for_any_number() -> None:
    require_as_shown(1000, expected=1000, role=Role.OPERATOR)
    with pytest.raises(TooManyForRole, match=r"may ask for 1,000 at once"):
        require_as_shown(1001, expected=MORE_THAN_COUNTED, role=Role.OPERATOR)
    assert [most_of(role) for role in (Role.VIEWER, Role.OPERATOR, Role.ADMIN, None)] == [0, 1000, None, None]


def test_the_estimate_is_the_rate_that_the_job_has_had() -> None:
    usual, paced = Pace(500), Pace(10, most=True)
    assert seconds_left(usual, total=1000, done=0, measured=0, within=0) == 2
    assert seconds_left(usual, total=1000, done=500, measured=500, within=50) == 50
    assert seconds_left(paced, total=1000, done=100, measured=100, within=0.05) == 90
    assert seconds_left(paced, total=1000, done=100, measured=100, within=20) == 180
    assert seconds_left(paced, total=100, done=103, measured=103, within=20) == 0


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.floats(0, 1e6))
def test_an_estimate_is_never_negative_and_a_paced_job_never_faster_than_its_pace(
    total: int, done: int, measured: int, within: float
) -> None:
    paced = Pace(10, most=True)
    left = seconds_left(paced, total=total, done=done, measured=measured, within=within)
    assert left >= max(0, total - done) / 10 - 1e-6
