from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from app.sandbox.errors import Refused
from app.sandbox.state.rate_limits import DAY, Window
from app.sandbox.state.settings import Settings
from tests.support.sandbox_account import ANNAS_ADDRESS, SandboxAccount

# Eighths of a second are exact in binary, so that the edge of a window is no matter of rounding.
PAUSES = st.lists(st.integers(0, 40).map(lambda eighths: eighths / 8), max_size=60)
LIMITS = st.integers(1, 7)
HOURS = st.integers(0, 10).map(lambda hours: hours * 3600.0)
SPELLINGS = st.sampled_from([ANNAS_ADDRESS, "ANNA@acme.example"])


def most_in_any(length: float, instants: list[float]) -> int:
    """Return how many fall into the fullest span of `length` that reaches back from one of them, its start left out."""
    return max((sum(end - length < at <= end for at in instants) for end in instants), default=0)


def admitted_by(window: Window, arrivals: list[float]) -> list[float]:
    admitted = []
    for now in arrivals:
        try:
            window.arrive(now)
        except Refused:  # counted by the window, which the tests compare
            continue
        admitted.append(now)
    return admitted


@given(PAUSES, LIMITS, st.sampled_from([500, 1_000, 10_000]))
def test_no_window_admits_more_than_the_limit_and_none_refuses_while_there_is_room(
    pauses: list[float], limit: int, window_ms: int
) -> None:
    arrivals, length = list(itertools.accumulate(pauses)), window_ms / 1000
    window = Window(Settings(per_10s=limit, window_ms=window_ms))
    admitted = admitted_by(window, arrivals)
    assert most_in_any(length, admitted) <= limit
    assert len(admitted) + window.refused == len(arrivals)
    first_come: list[float] = []
    for now in arrivals:
        if sum(at > now - length for at in first_come) < limit:
            first_come.append(now)
    assert admitted == first_come


@given(st.lists(st.integers(0, 20).map(lambda hours: hours * 3600.0), max_size=40), LIMITS)
def test_no_day_admits_more_than_its_budget(pauses: list[float], daily: int) -> None:
    window = Window(Settings(daily=daily))
    arrivals = list(itertools.accumulate(pauses))
    admitted = admitted_by(window, arrivals)
    for day in {now // DAY for now in arrivals}:
        asked = sum(now // DAY == day for now in arrivals)
        assert sum(now // DAY == day for now in admitted) == min(asked, daily)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 10).map(lambda hours: hours * 3600.0), st.sampled_from([ANNAS_ADDRESS, "ANNA@acme.example"])
        ),
        max_size=25,
    ),
    st.integers(1, 4),
)
async def test_no_day_of_a_sender_sees_more_enrollments_than_the_send_limit(
    attempts: list[tuple[float, str]], limit: int
) -> None:
    account = SandboxAccount(send_limit=limit)
    free = [each.email for each in account.state.contacts() if each.refusal is None and not each.enrollment]
    for (pause, sender), email in zip(attempts, free, strict=False):
        account.clock.now += pause
        answer = await account.enroll(email, sender=sender)
        spent = "" if answer.status_code == 200 else answer.json()["errorType"]
        assert spent in {"", "SequenceError.SEND_LIMIT_EXCEEDED"}
    entries = account.state.ledger.entries
    enrolled = [entry.at for entry in entries if entry.processed]
    assert most_in_any(DAY, enrolled) <= limit
    refused = [entry.at for entry in entries if not entry.processed]
    assert all(sum(now - DAY < at <= now for at in enrolled) == limit for now in refused)
