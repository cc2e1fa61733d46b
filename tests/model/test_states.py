from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.model import State, Step
from app.model.states import FINAL, TRANSITIONS, ImpossibleTransition, permit

# The table of the design, written again by hand: a slip in either is a disagreement.
ALLOWED = {
    "held": "ready cancelled expired",
    "ready": "working held cancelled expired",
    "working": "ready held uncertain enrolled done refused parked cancelled",
    "uncertain": "enrolled ready parked",
    "parked": "ready cancelled",
    "enrolled": "",
    "done": "",
    "refused": "",
    "cancelled": "",
    "expired": "",
}


@given(st.sampled_from(State), st.sampled_from(State), st.none() | st.sampled_from(Step))
def test_exactly_the_transitions_of_the_table_are_permitted(before: State, after: State, step: Step | None) -> None:
    too_late = after is State.CANCELLED and step is Step.SENDING
    if after.value in ALLOWED[before.value].split() and not too_late:
        permit(before, after, step)
    else:
        with pytest.raises(ImpossibleTransition):
            permit(before, after, step)


def test_final_states_lead_nowhere_and_every_other_state_leads_to_one() -> None:
    assert {state.value for state in FINAL} == {"enrolled", "done", "refused", "cancelled", "expired"}
    for state in State:
        reached, front = {state}, {state}
        while front:
            front = {after for before in front for after in TRANSITIONS[before]} - reached
            reached |= front
        assert reached & FINAL, state
