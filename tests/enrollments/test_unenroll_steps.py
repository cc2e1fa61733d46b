"""What follows while a workflow takes a contact out of a sequence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.enrollments.unenroll_steps import CHECK_EVERY, Move, is_running, next_check_at, next_move
from app.model import UnenrollWorkflow

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
spans = st.timedeltas(timedelta(), timedelta(hours=2))
bridges = st.builds(UnenrollWorkflow, contact_property=st.just("x"), takes=spans, within=spans)
moments = st.none() | st.builds(lambda span: NOW - span, spans)


@given(bridges, st.booleans(), moments)
def test_nothing_is_begun_twice_nor_ended_while_the_workflow_may_act(
    bridge: UnenrollWorkflow,
    in_sequence: bool,  # noqa: FBT001  # hypothesis passes it by name
    triggered_at: datetime | None,
) -> None:
    move = next_move(bridge, in_sequence=in_sequence, triggered_at=triggered_at, now=NOW)
    assert (move is Move.TRIGGER) == (in_sequence and triggered_at is None)
    if is_running(bridge, triggered_at, NOW):
        assert move is Move.WAIT
    if move is Move.DONE:
        assert not in_sequence
    if move is Move.GIVE_UP:
        assert triggered_at is not None
        assert triggered_at + bridge.within <= NOW
        assert in_sequence


@given(bridges, st.booleans(), spans)
def test_waiting_has_an_end_and_every_look_is_later(
    bridge: UnenrollWorkflow,
    in_sequence: bool,  # noqa: FBT001  # as above
    since: timedelta,
) -> None:
    triggered_at = NOW - since
    move = next_move(bridge, in_sequence=in_sequence, triggered_at=triggered_at, now=NOW)
    if move is Move.WAIT:
        again = next_check_at(bridge, triggered_at, NOW)
        assert again >= NOW + CHECK_EVERY or again >= triggered_at + bridge.takes
    late = triggered_at + max(bridge.takes, bridge.within)
    assert next_move(bridge, in_sequence=in_sequence, triggered_at=triggered_at, now=late) is not Move.WAIT
