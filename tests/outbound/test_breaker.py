from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from app.outbound.breaker import LONGEST, SHORTEST, THRESHOLD, Breaker, Position, open_for

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def failing(breaker: Breaker, times: int, now: datetime = NOW) -> Breaker:
    for _ in range(times):
        breaker = breaker.failed(now)
    return breaker


def test_the_fifth_failure_in_a_row_opens_it_for_thirty_seconds() -> None:
    assert failing(Breaker(), THRESHOLD - 1).position(NOW) is Position.CLOSED
    opened = failing(Breaker(), THRESHOLD)
    assert opened.open_until == NOW + SHORTEST
    assert opened.position(NOW) is Position.OPEN
    assert opened.position(NOW + SHORTEST) is Position.HALF_OPEN


def test_a_success_in_between_begins_the_count_anew() -> None:
    assert failing(failing(Breaker(), THRESHOLD - 1).succeeded(), THRESHOLD - 1).position(NOW) is Position.CLOSED


def test_a_probe_that_fails_doubles_the_time() -> None:
    breaker, now, spans = failing(Breaker(), THRESHOLD), NOW, []
    for _ in range(9):
        assert breaker.open_until is not None
        spans.append((breaker.open_until - now).total_seconds())
        now = breaker.open_until
        breaker = breaker.failed(now)
    assert spans == [30, 60, 120, 240, 480, 960, 1800, 1800, 1800]


def test_what_was_on_its_way_when_it_opened_opens_it_for_no_longer() -> None:
    opened = failing(Breaker(), THRESHOLD)
    late = failing(opened, 10, NOW + timedelta(seconds=1))
    assert (late.open_until, late.openings, late.failures) == (opened.open_until, 1, THRESHOLD + 10)


@given(st.integers(0, 10_000))
def test_the_time_never_shrinks_and_has_a_bound(openings: int) -> None:
    assert SHORTEST <= open_for(openings) <= open_for(openings + 1) <= LONGEST


class Life(RuleBasedStateMachine):
    """Any answers at any times, against a plain reading of what was promised."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker()
        self.now = NOW
        self.in_a_row = 0

    @rule()
    def fails(self) -> None:
        before = self.breaker.position(self.now)
        self.breaker = self.breaker.failed(self.now)
        self.in_a_row += 1
        if before is Position.HALF_OPEN:
            assert self.breaker.position(self.now) is Position.OPEN

    @rule()
    def succeeds(self) -> None:
        self.breaker = self.breaker.succeeded()
        self.in_a_row = 0

    @rule(seconds=st.integers(0, 4000))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @invariant()
    def it_is_closed_until_five_have_failed_in_a_row(self) -> None:
        assert self.breaker.failures == self.in_a_row
        assert (self.breaker.position(self.now) is Position.CLOSED) == (self.in_a_row < THRESHOLD)

    @invariant()
    def it_lets_a_probe_out_within_half_an_hour(self) -> None:
        if self.in_a_row >= THRESHOLD:
            assert self.breaker.may_probe(self.now + LONGEST)

    @invariant()
    def nothing_goes_out_while_it_is_open(self) -> None:
        if self.breaker.open_until and self.now < self.breaker.open_until:
            assert not self.breaker.may_probe(self.now)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
