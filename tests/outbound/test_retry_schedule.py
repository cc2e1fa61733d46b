from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.outbound.retry_schedule import JITTER, LONGEST_PAUSE, WAITS, Verdict, judge, next_attempt, pause_of

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
random = st.floats(0, 1, exclude_max=True)
pauses = st.none() | st.timedeltas(timedelta(0), timedelta(days=400))


@given(st.none() | st.integers(100, 599))
def test_every_answer_means_something(status: int | None) -> None:
    verdict = judge(status)
    assert (verdict is Verdict.DELIVERED) == (status is not None and 200 <= status <= 299)
    assert (verdict is Verdict.GONE) == (status == 410)


@given(st.integers(1, 7), pauses, random)
def test_a_wait_is_its_own_and_never_shorter_than_asked_for(tries: int, pause: timedelta | None, drawn: float) -> None:
    due = next_attempt(tries, now=NOW, pause=pause, random=drawn)
    assert due is not None
    wait = due - NOW
    asked = min(pause or timedelta(0), LONGEST_PAUSE)
    assert max(WAITS[tries - 1], asked) <= wait <= max(WAITS[tries - 1] * (1 + JITTER), asked)


@given(st.integers(8, 1000), pauses, random)
def test_after_the_eighth_failure_it_is_given_up(tries: int, pause: timedelta | None, drawn: float) -> None:
    assert next_attempt(tries, now=NOW, pause=pause, random=drawn) is None


@given(st.sampled_from([429, 503]), st.text(max_size=40))
def test_no_header_is_too_odd(status: int, retry_after: str) -> None:
    pause = pause_of(status, retry_after, NOW)
    assert pause is None or pause >= timedelta(0)


@pytest.mark.parametrize(
    ("status", "retry_after", "seconds"),
    [
        (429, "0", 0),
        (503, " 90 ", 90),
        (429, "9" * 30, 86400),
        (503, "Mon, 23 Nov 2026 09:01:00 GMT", 60),
        (503, "Mon, 23 Nov 2026 09:01:00 -0000", 60),
        (503, "Mon, 23 Nov 2026 08:01:00 GMT", 0),
        (503, "soon", None),
        (503, "-5", None),
        (503, "Mon, 01 Jan 99999999999 00:00:00 GMT", None),
        (503, "Mon, 01 Jan 2026 00:00:99999999999 GMT", None),
        (503, None, None),
        (500, "90", None),
    ],
)
def test_a_pause_is_seconds_or_a_date(status: int, retry_after: str | None, seconds: int | None) -> None:
    pause = pause_of(status, retry_after, NOW)
    assert (None if pause is None else pause.total_seconds()) == seconds
