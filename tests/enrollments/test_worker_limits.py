"""How much a worker claims: whole claims, so that what travels together is many, and never more than it may hold."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.enrollments.worker import WorkerLimits


@given(st.integers(1, 5000), st.data())
def test_claims_are_whole_never_too_many_and_there_is_room_again_in_time(capacity: int, data: st.DataObject) -> None:
    limits = WorkerLimits(capacity=capacity, claim_at_once=data.draw(st.integers(1, capacity)))
    in_progress = data.draw(st.integers(0, capacity))
    room = limits.room(in_progress)
    assert in_progress + room <= capacity
    assert room in {0, limits.claim_at_once}
    # The number in progress that wakes the worker is the first one, on the way down, that lets it claim.
    wakes = capacity - limits.claim_at_once
    assert (limits.room(wakes), limits.room(wakes + 1)) == (limits.claim_at_once, 0)
    assert (room > 0) == (in_progress <= wakes)
