"""Windows that keep the public holidays of countries and their parts, held to the calendars themselves."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.model import Window
from app.sending_windows import calendar_code, closed_for, is_open, next_open

BERLIN = ZoneInfo("Europe/Berlin")
WEEKDAYS = frozenset(range(1, 6))
CODES = ["DE-BY", "US", "JP", "GB-SCT", "CH-ZH", "BR", "IN-KA", "IL"]
ZONES = ["Europe/Berlin", "America/New_York", "Asia/Tokyo", "Pacific/Apia", "UTC"]
instants = st.datetimes(datetime(2024, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # given a zone


@given(
    st.sets(st.integers(1, 7), min_size=1),
    st.lists(st.sampled_from(CODES), min_size=1, max_size=3, unique=True),
    st.sampled_from(ZONES),
    instants,
)
def test_the_next_opening_is_on_no_holiday_and_the_first_one_that_is_not(
    days: set[int], codes: list[str], name: str, now: datetime
) -> None:
    window, where = Window(frozenset(days), time(9), time(17), calendars=tuple(codes)), ZoneInfo(name)
    opening = next_open(window, where, now)
    assert opening is not None
    assert opening[1] < now + timedelta(days=45)
    calendars = [holidays.country_holidays(country, subdiv=part or None) for country, _, part in map(_parts, codes)]
    day = opening[0].astimezone(where).date()
    assert not any(day in calendar for calendar in calendars)
    first = now.astimezone(where).date()
    passed = [first + timedelta(days=number) for number in range((day - first).days)]
    kept = [one for one in passed if one.isoweekday() in days and not any(one in calendar for calendar in calendars)]
    assert kept in ([], [first])  # today's opening may be over
    assert is_open(window, where, opening[0])


def _parts(code: str) -> tuple[str, str, str]:
    return code.partition("-")


def test_the_holidays_that_keep_a_window_closed_are_named() -> None:
    window = Window(WEEKDAYS, time(9), time(17), frozenset({date(2026, 12, 24)}), ("US", "DE-BY"))
    before_christmas = datetime(2026, 12, 23, 20, tzinfo=UTC)
    assert closed_for(window, BERLIN, before_christmas) == ("holiday on 2026-12-24", "Christmas Day in US")
    assert next_open(window, BERLIN, before_christmas) == (
        datetime(2026, 12, 28, 8, tzinfo=UTC),
        datetime(2026, 12, 28, 16, tzinfo=UTC),
    )
    epiphany = datetime(2026, 1, 6, 10, tzinfo=UTC)
    assert closed_for(window, BERLIN, epiphany) == ("Epiphany in DE-BY",)
    assert closed_for(window, BERLIN, epiphany + timedelta(hours=8)) == ()
    assert closed_for(window, BERLIN, epiphany + timedelta(days=1)) == ()


def test_a_holiday_is_a_day_by_the_clock_of_the_window() -> None:
    window = Window(frozenset(range(1, 8)), time(0), time(0), calendars=("US",))
    independence_day = datetime(2028, 7, 4, 12, tzinfo=UTC)
    assert not is_open(window, ZoneInfo("America/New_York"), independence_day)
    assert is_open(window, ZoneInfo("Pacific/Kiritimati"), independence_day)  # the fifth there


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (" us ", "US"),
        ("DEU", "DE"),
        ("UK", "GB"),
        ("NO", "NO"),
        ("Germany", "DE"),
        ("de-by", "DE-BY"),
        ("DE-Bayern", "DE-BY"),
    ],
)
def test_calendars_have_one_code(text: str, code: str) -> None:
    assert calendar_code(text) == code
    assert calendar_code(code) == code


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Germny", "no holidays of 'Germny': did you mean DE"),
        ("DE-Bayrn", "no holidays of a part 'Bayrn' of DE: did you mean BY?"),
        ("DE-XX", "no holidays of a part 'XX' of DE: it has BB, BE, "),
        ("JP-13", "no holidays of a part '13' of JP: it has none"),
        ("soon", "no holidays of 'soon': write a day like 2026-12-25, or a country"),
    ],
)
def test_an_unknown_calendar_is_refused_with_near_ones(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        calendar_code(text)


def test_the_calendars_are_imported_only_when_a_window_names_one() -> None:
    code = "import sys, app.rules.load, app.enrollments.timing; print('holidays' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
