from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.backoff import BASE, CAP, SPAN, longest_wait, next_attempt

FIRST = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

elapsed = st.timedeltas(min_value=timedelta(0), max_value=timedelta(hours=100))
tries = st.integers(0, 10_000)
random = st.floats(0, 1, exclude_max=True)
retry_after = st.none() | st.floats(0, 1e12)


@given(elapsed, tries, retry_after, random)
def test_the_next_attempt_lies_between_now_and_the_end_of_the_span(
    after: timedelta, count: int, wait: float | None, drawn: float
) -> None:
    now = FIRST + after
    due = next_attempt(first_failed_at=FIRST, tries=count, now=now, retry_after=wait, random=drawn)
    if due is None:
        assert after >= SPAN or (wait is not None and wait > (SPAN - after).total_seconds())
    else:
        assert now <= due <= FIRST + SPAN


@given(elapsed, tries, st.floats(0, 1e12), random)
def test_retry_after_is_never_shortened(after: timedelta, count: int, wait: float, drawn: float) -> None:
    now = FIRST + after
    due = next_attempt(first_failed_at=FIRST, tries=count, now=now, retry_after=wait, random=drawn)
    assert due is None or due >= now + timedelta(seconds=wait)


@given(tries, random)
def test_without_retry_after_the_wait_is_jittered_below_its_bound(count: int, drawn: float) -> None:
    due = next_attempt(first_failed_at=FIRST, tries=count, now=FIRST, retry_after=None, random=drawn)
    assert due == FIRST + drawn * longest_wait(count)


@given(tries)
def test_the_bound_doubles_until_the_cap(count: int) -> None:
    assert longest_wait(0) == BASE
    assert longest_wait(count + 1) == min(CAP, 2 * longest_wait(count))


def test_the_end_of_the_span_is_the_end() -> None:
    almost = FIRST + SPAN - timedelta(seconds=1)
    due = next_attempt(first_failed_at=FIRST, tries=40, now=almost, retry_after=None, random=0.99)
    assert due == FIRST + SPAN
    assert next_attempt(first_failed_at=FIRST, tries=40, now=FIRST + SPAN, retry_after=None, random=0.0) is None
