"""A source is silent by its own rhythm, and the sentence says by which figures."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.model import Window
from app.tallies.figures import Arrivals
from app.tallies.hours import HOUR, hours_between
from app.tallies.silence import EXPECTED, judge, keeps_holiday

if TYPE_CHECKING:
    from collections.abc import Callable

TUESDAY = datetime(2026, 11, 24, tzinfo=UTC)
WEEK = timedelta(weeks=1)


def office(moment: datetime) -> int:
    """Return what comes in an hour: ten on working days from eight to six."""
    return 10 if moment.isoweekday() <= 5 and 8 <= moment.hour < 18 else 0


def arrivals(
    last: datetime, each: Callable[[datetime], int] = office, *, since: timedelta = timedelta(weeks=8)
) -> Arrivals:
    """Return what a source sent until `last`."""
    hours = hours_between(last - since, last)
    return Arrivals("crm", {hour: n for hour in hours if (n := each(hour))}, last)


def test_a_source_is_silent_once_twelve_were_expected() -> None:
    sent = arrivals(TUESDAY + timedelta(hours=10))
    assert not judge(sent, TUESDAY + timedelta(hours=11)).silent
    found = judge(sent, TUESDAY + timedelta(hours=11, minutes=12))
    assert found.silent
    assert found.expected == pytest.approx(EXPECTED)
    assert found.why == "usually 12 between Tue 10:00 and 11:12 (12, 12, 12, 12); none since 10:00"


def test_the_sentence_has_the_same_hours_of_the_last_four_weeks_in_the_readers_time() -> None:
    last = TUESDAY + timedelta(hours=8, minutes=52)
    weeks = dict(zip((last - number * WEEK for number in range(1, 5)), (41, 36, 35, 38), strict=True))
    by_hour = {hour.replace(minute=0) + HOUR: n for hour, n in weeks.items()} | {TUESDAY - 8 * WEEK: 1}
    found = judge(Arrivals("crm", by_hour, last), TUESDAY + timedelta(hours=11, minutes=40), zone=ZoneInfo("Etc/GMT-1"))
    assert found.why == "usually 37 between Tue 09:52 and 12:40 (41, 36, 35, 38); none since 09:52"
    assert found.silent


def test_nights_and_weekends_are_no_silence_for_who_works_by_day() -> None:
    friday = TUESDAY + timedelta(days=3, hours=18)
    monday = friday + timedelta(days=2, hours=14)
    assert not judge(arrivals(friday), monday).silent
    found = judge(arrivals(friday), monday + timedelta(hours=2))
    assert found.silent
    assert "between Fri 27 Nov 18:00 and Mon 30 Nov 10:00 (20, 20, 20, 20); none since Fri" in found.why


def test_a_holiday_is_as_a_sunday_and_gives_no_measure_for_other_days() -> None:
    window = Window(frozenset({1, 2, 3, 4, 5}), time(9), time(17), frozenset({date(2026, 11, 24)}))
    is_holiday = keeps_holiday([window])
    last = TUESDAY - timedelta(hours=6)
    assert judge(arrivals(last), TUESDAY + timedelta(hours=12)).silent
    assert not judge(arrivals(last), TUESDAY + timedelta(hours=23), is_holiday=is_holiday).silent

    def closed(moment: datetime) -> int:
        return 0 if moment.date() == date(2026, 11, 24) else office(moment)

    later = arrivals(TUESDAY + WEEK + timedelta(hours=8), closed)
    found = judge(later, TUESDAY + WEEK + timedelta(hours=10), is_holiday=is_holiday)
    assert found.silent
    assert "(20, 20, 20, 20)" in found.why  # the week of the holiday is not among them


def test_what_is_known_for_less_than_two_weeks_is_not_judged() -> None:
    last = TUESDAY + timedelta(hours=10)
    found = judge(arrivals(last, since=timedelta(days=13)), last + WEEK)
    assert not found.silent
    assert found.why == "too little is known of its rhythm"
    assert judge(arrivals(last, since=timedelta(days=16)), last + WEEK).silent
    assert not judge(Arrivals("crm"), last).silent


def test_a_rare_source_is_silent_after_one_and_a_half_of_its_longest_pause() -> None:
    last = TUESDAY + timedelta(hours=10)
    days = (1, 3, 8, 14, 20, 30, 31, 50)
    sent = Arrivals("crm", {last - timedelta(days=number): 1 for number in days} | {last: 1}, last)
    assert not judge(sent, last + timedelta(days=28)).silent
    found = judge(sent, last + timedelta(days=28, hours=13))
    assert found.silent
    assert "none since Tue 24 Nov 10:00, for 28 days 13 hours; its longest pause in eight weeks was 19 days" in (
        found.why
    )


@pytest.mark.parametrize(("hours", "silent"), [(36, False), (37, True)])
def test_the_rules_may_say_after_how_long_it_is_silent(hours: int, *, silent: bool) -> None:
    last = TUESDAY
    found = judge(arrivals(last, lambda _: 50), last + timedelta(hours=hours), silent_after=timedelta(hours=36))
    assert found.silent is silent
    assert "the rules expect a delivery within 1 day 12 hours" in found.why


def test_the_rules_may_say_that_it_is_never_silent() -> None:
    assert not judge(arrivals(TUESDAY), TUESDAY + 4 * WEEK, silent_after=timedelta.max).silent


def test_a_silence_of_weeks_is_measured_by_the_weeks_before_it() -> None:
    found = judge(arrivals(TUESDAY), TUESDAY + 3 * WEEK)
    assert found.silent
    assert found.expected == pytest.approx(1500)


counts = st.dictionaries(st.integers(1, 24 * 7 * 8), st.integers(0, 60), max_size=300)


@given(counts, st.integers(0, 59), st.lists(st.integers(0, 60 * 24 * 30), min_size=2, max_size=5))
def test_a_source_that_sends_nothing_stays_silent(sent: dict[int, int], minute: int, later: list[int]) -> None:
    last = TUESDAY + timedelta(minutes=minute)
    known = Arrivals("crm", {TUESDAY - number * HOUR: n for number, n in sent.items()} | {TUESDAY: 1}, last)
    found = [judge(known, last + timedelta(minutes=number)) for number in sorted(later)]
    expected = [one.expected for one in found if one.expected is not None]
    assert expected == sorted(expected)
    silent = [one.silent for one in found]
    assert silent == sorted(silent)
    assert all(one.silent == (one.expected >= EXPECTED) for one in found if one.expected is not None)
    assert not judge(known, last).silent


@given(st.lists(st.integers(1, 60), min_size=168, max_size=168), st.integers(0, 167), st.integers(0, 59))
def test_a_source_that_sends_as_in_each_week_is_never_silent(week: list[int], hour: int, minute: int) -> None:
    now = TUESDAY + timedelta(hours=hour, minutes=minute)
    first = TUESDAY - 5 * WEEK
    sent = {moment: week[(moment - first) // HOUR % 168] for moment in hours_between(first, now)}
    last = now - HOUR / max(12, week[(now - first) // HOUR % 168])
    assert not judge(Arrivals("crm", sent, last), now).silent
