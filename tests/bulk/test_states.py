"""The states of a job: what may be done in each, and that every job can end."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from app.bulk.states import FINAL, OPEN, TRANSITIONS, JobState, Move, after
from app.errors import JobNotMovable


@pytest.mark.parametrize(("before", "move"), [(state, move) for state in JobState for move in Move])
def test_only_what_the_table_has_is_possible(before: JobState, move: Move) -> None:
    if (before, move) in TRANSITIONS:
        assert after(before, move) is TRANSITIONS[before, move]
    else:
        with pytest.raises(JobNotMovable, match=f"The job is {before}"):
            after(before, move)


def test_what_is_over_stays_so_and_everything_else_can_be_cancelled() -> None:
    assert {JobState.DONE, JobState.CANCELLED} == FINAL
    for state in set(JobState) - FINAL:
        assert after(state, Move.CANCEL) is JobState.CANCELLED


class Jobs(RuleBasedStateMachine):
    """A job, its worker and an operator. The model: rows are done one by one, only while the job runs."""

    def __init__(self) -> None:
        super().__init__()
        self.state, self.left = JobState.WAITING, 5

    @rule(move=st.sampled_from([Move.PAUSE, Move.RESUME, Move.CANCEL]))
    def operator(self, move: Move) -> None:
        if (self.state, move) not in TRANSITIONS:
            with pytest.raises(JobNotMovable):
                after(self.state, move)
            return
        before, self.state = self.state, after(self.state, move)
        assert before not in FINAL
        if move is Move.RESUME:
            assert before in {JobState.PAUSED, JobState.FAILED}

    @precondition(lambda self: self.state in OPEN)
    @rule(fails=st.booleans())
    def worker(self, *, fails: bool) -> None:
        self.state = after(self.state, Move.CLAIM)
        if fails:
            self.state = after(self.state, Move.FAIL)
        elif self.left:
            self.left -= 1
            self.state = after(self.state, Move.GO_ON)
        else:
            self.state = after(self.state, Move.FINISH)

    @precondition(lambda self: self.state not in OPEN)
    @rule(move=st.sampled_from([Move.CLAIM, Move.GO_ON, Move.FINISH, Move.FAIL]))
    def late_worker(self, move: Move) -> None:
        with pytest.raises(JobNotMovable):
            after(self.state, move)

    @invariant()
    def done_means_all(self) -> None:
        assert self.state is not JobState.DONE or self.left == 0


TestJobs = Jobs.TestCase
