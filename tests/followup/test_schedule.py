"""When an enrollment is looked at again, and the calls that may cost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.followup.schedule import AFTERMATH, DAILY, HOUR, SECOND_LOOK, SOON, last_look, next_look, search_pause, spend

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@given(st.lists(st.timedeltas(timedelta(0), timedelta(minutes=40)), max_size=60), st.integers(1, 10))
def test_no_hour_ever_holds_more_calls_than_the_budget(waits: list[timedelta], limit: int) -> None:
    now, made = NOW, list[datetime]()
    calls: list[datetime] = []
    for wait in waits:
        now += wait
        spent = spend(calls, limit=limit, now=now)
        if spent is not None:
            calls = spent
            made.append(now)
    for begin in made:
        assert sum(begin <= call < begin + HOUR for call in made) <= limit


@given(st.integers(1, 10))
def test_calls_of_an_hour_ago_count_no_more(limit: int) -> None:
    long_ago = [NOW - HOUR] * limit
    assert spend(long_ago, limit=limit, now=NOW) == [NOW]


@given(st.lists(st.integers(1, 2), min_size=1, max_size=400), st.integers(2, 240))
def test_an_endless_search_takes_half_of_any_hours_calls_and_no_more_than_the_pages_of_a_turn_besides(
    pages: list[int], limit: int
) -> None:
    now, made = NOW, list[datetime]()
    for some in pages:
        made += [now] * some
        now += search_pause(some, limit=limit)
    for begin in made:
        assert sum(begin <= call < begin + HOUR for call in made) <= limit / 2 + max(pages)


def test_looks_grow_rarer_unless_something_is_unclear() -> None:
    assert [next_look(looks=looks, unclear=False, searching=False) for looks in (1, 2, 3)] == [
        SECOND_LOOK,
        DAILY,
        DAILY,
    ]
    assert next_look(looks=1, unclear=False, searching=True) == DAILY
    assert next_look(looks=9, unclear=True, searching=True) == SOON


def test_one_that_ended_is_looked_at_once_more() -> None:
    assert last_look(NOW, now=NOW) == NOW + AFTERMATH
    assert last_look(NOW, now=NOW + AFTERMATH) is None
