"""Windows over clocks that are put forward and back, held to a second model: a walk minute by minute."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.model import Window
from app.sending_windows import (
    is_open,
    next_midnight,
    next_open,
    parse_days,
    parse_hours,
    position_of,
    spread,
    zone,
)

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE = timedelta(minutes=1)
OFFICE = Window(parse_days("mon-fri"), time(9), time(17), frozenset({date(2026, 12, 25)}))
DAILY = parse_days("daily")

ZONES = [
    "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu", "UTC",
    "America/Sao_Paulo", "Asia/Beirut", "Pacific/Apia", "America/St_Johns", "Antarctica/Troll",
]  # fmt: skip
# Days around which clocks change, or a day or a midnight is missing.
ODD_DAYS = [
    date(2026, 3, 29), date(2026, 10, 25), date(2026, 3, 8), date(2026, 11, 1), date(2026, 4, 5),
    date(2026, 10, 4), date(2018, 11, 4), date(2018, 2, 18), date(2022, 3, 27), date(2011, 12, 30),
    date(2026, 7, 1),
]  # fmt: skip
instants = st.builds(
    lambda day, minutes: datetime.combine(day, time(0), UTC) + timedelta(minutes=minutes),
    st.sampled_from(ODD_DAYS),
    st.integers(-2 * 1440, 2 * 1440),
)
clocks = st.integers(0, 1439).map(lambda minute: time(*divmod(minute, 60)))


@st.composite
def windows(draw: st.DrawFn) -> Window:
    opens = draw(clocks.filter(lambda clock: clock < time(23, 59)))
    closes = draw(st.one_of(st.just(time(0)), clocks.filter(lambda clock: clock > opens)))
    days = draw(st.sets(st.integers(1, 7), min_size=1))
    holidays = draw(st.sets(st.sampled_from(ODD_DAYS), max_size=3))
    return Window(frozenset(days), opens, closes, frozenset(holidays))


def shows(window: Window, where: ZoneInfo, now: datetime) -> bool:
    """The plain model: what a clock and a calendar on the wall say."""
    local = now.astimezone(where)
    inside = window.opens <= local.time() and (window.closes == time(0) or local.time() < window.closes)
    return local.isoweekday() in window.days and local.date() not in window.holidays and inside


def put_back(where: ZoneInfo, now: datetime) -> bool:
    """Whether the clock shows the same times twice within three hours of now."""
    offsets = [(now + timedelta(hours=h)).astimezone(where).utcoffset() for h in range(-3, 4)]
    return any(a is not None and b is not None and b < a for a, b in pairwise(offsets))


@settings(max_examples=300)
@given(windows(), st.sampled_from(ZONES), instants)
def test_a_window_is_open_when_the_clock_on_the_wall_says_so(window: Window, name: str, now: datetime) -> None:
    where = ZoneInfo(name)
    if not put_back(where, now):
        assert is_open(window, where, now) == shows(window, where, now)


@settings(max_examples=150)
@given(windows(), st.sampled_from(ZONES), instants)
def test_the_next_opening_is_the_first_one(window: Window, name: str, now: datetime) -> None:
    where = ZoneInfo(name)
    opening = next_open(window, where, now)
    walk = (now + MINUTE * minute for minute in range(4 * 1440))
    first = next((instant for instant in walk if is_open(window, where, instant)), None)
    if first is None:
        assert opening is None or opening[0] > now + 4 * timedelta(days=1) - MINUTE
        return
    assert opening is not None
    start, end = opening
    assert first - MINUTE < max(start, now) <= first < end
    assert is_open(window, where, start)
    assert not is_open(window, where, end) or next_open(window, where, end) != opening


@given(windows(), st.sampled_from(ZONES), instants, st.floats(0, 1, exclude_max=True), st.integers(0, 600))
def test_whoever_waited_is_released_within_the_opening(
    window: Window, name: str, now: datetime, position: float, minutes: int
) -> None:
    opening = next_open(window, ZoneInfo(name), now)
    if opening is not None:
        released = spread(opening, position, over=MINUTE * minutes)
        assert opening[0] <= released < opening[1]
        assert released <= opening[0] + MINUTE * minutes


@given(st.sampled_from(ZONES), instants)
def test_the_next_day_begins_after_now_and_is_another_one(name: str, now: datetime) -> None:
    where = ZoneInfo(name)
    midnight = next_midnight(where, now)
    assert now < midnight <= now + timedelta(hours=49)
    assert midnight.astimezone(where).date() > now.astimezone(where).date()
    before = (midnight - timedelta(seconds=2)).astimezone(where)
    assert before.date() <= now.astimezone(where).date() or name == "Pacific/Apia"


@given(st.text())
def test_positions_are_the_same_again_and_below_one(identity: str) -> None:
    assert position_of(identity) == position_of(identity)
    assert 0 <= position_of(identity) < 1


def test_positions_are_evenly_spread() -> None:
    found = [position_of(f"enr_{number}") for number in range(2000)]
    assert all(150 <= sum(n / 10 <= p < (n + 1) / 10 for p in found) <= 250 for n in range(10))


@pytest.mark.parametrize(
    ("now", "start", "end"),
    [
        # A Friday evening waits for Monday; Christmas Day, a Friday, is closed.
        ("2026-11-20T18:00+01:00", "2026-11-23T09:00+01:00", "2026-11-23T17:00+01:00"),
        ("2026-12-25T10:00+01:00", "2026-12-28T09:00+01:00", "2026-12-28T17:00+01:00"),
        ("2026-11-23T10:00+01:00", "2026-11-23T09:00+01:00", "2026-11-23T17:00+01:00"),
        ("2026-11-23T17:00+01:00", "2026-11-24T09:00+01:00", "2026-11-24T17:00+01:00"),
        # Over the weekend on which clocks are put forward, and the one on which they are put back.
        ("2026-03-27T20:00+01:00", "2026-03-30T09:00+02:00", "2026-03-30T17:00+02:00"),
        ("2026-10-23T20:00+02:00", "2026-10-26T09:00+01:00", "2026-10-26T17:00+01:00"),
    ],
)
def test_office_hours_in_berlin(now: str, start: str, end: str) -> None:
    expected = (datetime.fromisoformat(start), datetime.fromisoformat(end))
    assert next_open(OFFICE, BERLIN, datetime.fromisoformat(now)) == expected


def test_an_opening_hour_that_the_clock_skips_opens_right_after_it() -> None:
    night = Window(DAILY, time(2, 30), time(4))
    opening = next_open(night, BERLIN, datetime(2026, 3, 28, 23, tzinfo=UTC))
    assert opening == (datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 3, 29, 2, tzinfo=UTC))


def test_an_opening_hour_that_comes_twice_opens_the_first_time_and_closes_the_last() -> None:
    night = Window(DAILY, time(2, 15), time(2, 45))
    opening = next_open(night, BERLIN, datetime(2026, 10, 24, 23, tzinfo=UTC))
    assert opening == (datetime(2026, 10, 25, 0, 15, tzinfo=UTC), datetime(2026, 10, 25, 1, 45, tzinfo=UTC))


def test_a_window_until_midnight_ends_when_midnight_comes_the_first_time() -> None:
    """In Havana 2026-11-01 begins twice; it is a Sunday, on which this window stays closed."""
    weekdays = Window(parse_days("mon-sat"), time(9), time(0))
    night = datetime(2026, 11, 1, 4, tzinfo=UTC)
    assert is_open(weekdays, zone("America/Havana"), night - MINUTE)
    for minute in range(0, 240, 10):
        assert not is_open(weekdays, zone("America/Havana"), night + MINUTE * minute)


def test_a_window_that_ends_where_the_clock_is_put_back_to_ends_once() -> None:
    night = Window(DAILY, time(1), time(2))
    opening = next_open(night, BERLIN, datetime(2026, 10, 24, 22, 30, tzinfo=UTC))
    assert opening == (datetime(2026, 10, 24, 23, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC))


def test_the_last_position_stays_before_the_last_minute() -> None:
    opening = (datetime(2026, 1, 5, 9, tzinfo=UTC), datetime(2026, 1, 5, 17, tzinfo=UTC))
    released = spread(opening, 1 - 2**-53, over=timedelta(hours=24))
    assert opening[1] - 2 * MINUTE < released < opening[1] - MINUTE


def test_a_day_that_began_twice_ends_when_it_begins_again() -> None:
    where = zone("America/St_Johns")
    late = datetime(2010, 11, 7, 2, 45, tzinfo=UTC)
    assert late < next_midnight(where, late) < late + timedelta(hours=2)


def test_a_day_that_does_not_exist_does_not_open() -> None:
    opening = next_open(Window(DAILY, time(9), time(17)), zone("Pacific/Apia"), datetime(2011, 12, 30, 9, tzinfo=UTC))
    assert opening is not None
    assert opening[0].astimezone(zone("Pacific/Apia")).date() == date(2011, 12, 31)


def test_a_window_that_is_closed_for_all_its_days_never_opens() -> None:
    christmas = Window(
        frozenset({5}), time(9), time(17), frozenset(date(2026, 1, 2) + timedelta(7) * n for n in range(99))
    )
    assert next_open(christmas, BERLIN, datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_days_are_written_as_people_write_them() -> None:
    assert parse_days("mon-fri") == {1, 2, 3, 4, 5}
    assert parse_days(" Sat - mon ") == {6, 7, 1}
    assert parse_days("mon,wed, fri") == {1, 3, 5}
    assert parse_days("daily") == set(range(1, 8))


def test_hours_are_written_as_people_write_them() -> None:
    assert parse_hours("09:00-17:30") == (time(9), time(17, 30))
    assert parse_hours("00:00 - 24:00") == (time(0), time(0))


@pytest.mark.parametrize("text", ["", "monday", "mon-", "mon--fri", "1-5", "mon;tue", "-"])
def test_days_that_are_none_are_told(text: str) -> None:
    with pytest.raises(ValueError, match="write days like"):
        parse_days(text)


@pytest.mark.parametrize(
    "text", ["9-17", "09:00", "25:00-26:00", "09:60-17:00", "09:00-24:01", "a", "09:00-17:00-18:00"]
)
def test_hours_that_are_none_are_told(text: str) -> None:
    with pytest.raises(ValueError, match="write hours like"):
        parse_hours(text)


@pytest.mark.parametrize("text", ["17:00-09:00", "09:00-09:00", "22:00-00:00"])
def test_hours_past_midnight_are_told(text: str) -> None:
    with pytest.raises(ValueError, match="closes before it opens"):
        parse_hours(text)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    for parse in (parse_days, parse_hours, zone):
        with suppress(ValueError):
            assert parse(text)


def test_zones_are_known_by_iana_and_by_hubspot() -> None:
    assert zone("Europe/Berlin") is zone("europe/berlin") or zone("europe/berlin").key == "Europe/Berlin"
    assert zone("america_slash_new_york").key == "America/New_York"
    assert zone("america_slash_port_hyphen_au_hyphen_prince").key == "America/Port-au-Prince"
    with pytest.raises(ValueError, match="no time zone 'Middle/Earth'"):
        zone("Middle/Earth")
