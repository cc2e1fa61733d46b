"""How long loops wait that have nothing to do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.jobs import LONG_WAIT_SECONDS, apart

CHANCES = st.floats(0, 1, exclude_max=True)


@given(st.floats(0, LONG_WAIT_SECONDS, exclude_max=True), CHANCES)
def test_a_short_wait_is_as_long_as_it_was_asked_for(seconds: float, chance: float) -> None:
    assert apart(seconds, chance) == seconds


@given(st.floats(LONG_WAIT_SECONDS, 1e6), CHANCES)
def test_a_long_wait_is_never_longer_and_never_much_shorter(seconds: float, chance: float) -> None:
    assert 0.79 * seconds <= apart(seconds, chance) <= seconds


def test_loops_that_began_together_look_apart() -> None:
    assert apart(30.0, 0.5) - apart(30.0, 0.6) > 0.1
