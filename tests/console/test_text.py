"""Figures and times as the pages write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.console import text
from app.console.receipts.wording import Clock

NOW = datetime(2026, 11, 24, 14, 32, 7, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # its zone follows


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (NOW - timedelta(hours=1), "14:32"),
        (NOW - timedelta(hours=20), "Mon 19:32"),
        (NOW - timedelta(days=9), "15 Nov, 15:32"),
        (NOW - timedelta(days=400), "20 Oct 2025, 16:32"),
        (NOW + timedelta(days=2), "26 Nov, 15:32"),
    ],
)
def test_a_time_is_as_short_as_it_is_clear(at: datetime, words: str) -> None:
    assert text.moment(at, NOW, BERLIN) == words


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("the window opens Mon 2026-11-30 09:00 (America/New_York)", "the window opens 30 Nov, 15:00"),
        ("HubSpot asks for a pause until 2026-11-24 15:02 UTC (daily)", "HubSpot asks for a pause until 16:02 (daily)"),
        ("took its place at 2026-11-23 23:30:01 UTC", "took its place at 00:30"),
        ("at 2026-11-23 09:00", "at 2026-11-23 09:00"),
        ("at 2026-13-23 09:00 UTC", "at 2026-13-23 09:00 UTC"),
        ("at 2026-11-23 09:00 (Atlantis)", "at 2026-11-23 09:00 (Atlantis)"),
    ],
)
def test_a_stored_time_that_names_its_zone_is_one_of_the_page(said: str, shown: str) -> None:
    assert text.with_moments(said, NOW, BERLIN) == shown


@given(MOMENTS, MOMENTS)
def test_any_time_has_words(at: datetime, now: datetime) -> None:
    assert text.moment(at, now, BERLIN)
    assert text.ago(at, now).endswith("ago") or text.ago(at, now).startswith("in ")


@given(st.integers(0, 10**12))
def test_a_count_that_was_cut_says_so(count: int) -> None:
    assert text.capped(count).startswith("more than") == (count > text.CAP)
    assert text.number(count).replace(",", "") == str(count)


def test_figures() -> None:
    assert text.percent(331, 412) == "80%"
    assert text.percent(1, 0) == "-"
    assert text.exactly(1, "person", "people") == "1 person"
    assert text.counted(1400, "delivery", "deliveries") == "1,400 deliveries"
    assert text.size(1842) == "1.8 kB"
    assert text.exact(datetime(2026, 11, 24, 9, 13, 58, 412999, tzinfo=UTC), BERLIN) == "10:13:58.412"
    assert text.zone_name(ZoneInfo("America/New_York")) == "New York"
    assert text.masked("ada@corp.example") == "a***@corp.example"
    assert text.masked(None) == ""


@pytest.mark.parametrize("at", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/New_York", "UTC"])
def test_the_first_and_the_last_times_of_all_are_told(at: datetime, zone: str) -> None:
    there, now = ZoneInfo(zone), datetime(2026, 11, 24, 13, tzinfo=UTC)
    for words in (text.moment(at, now, there), text.exact(at, there), text.day(at, now, there), text.hour(at, there)):
        assert re.search(r"\d", words)
    assert str(at.year) in text.moment(at, now, there)
    assert str(at.year) in Clock(there, now).moment(at)
