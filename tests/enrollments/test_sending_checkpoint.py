"""How fresh the commit of `sending` is when the first byte may leave."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from app.enrollments.observe import StepObserver
from app.enrollments.outcome import Change, Transition
from app.enrollments.sending import SENDING, SENDING_AGAIN, SendingCheckpoint
from app.enrollments.work_item import WorkItem
from app.errors import DeclinedError, FenceLost
from app.model import State, Step
from app.observability.metrics import Metrics

if TYPE_CHECKING:
    from app.model import Enrollment
    from tests.conftest import MakeEntry
    from tests.support.road import Road

SENT_AT = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


class Store:
    """Commits at once, or after as many seconds as `takes` says next."""

    def __init__(self) -> None:
        self.clock = 100.0
        self.takes: list[float] = []
        self.story: list[str] = []
        self.declines = self.lost = False

    def recheck(self, _: WorkItem) -> None:
        self.story.append("looked")
        if self.declines:
            raise DeclinedError("suppressed", "the suppression list has this address")

    async def commit(self, enrollment: Enrollment) -> datetime:
        self.clock += self.takes.pop(0) if self.takes else 0.0
        if self.lost:
            raise FenceLost(enrollment.id)
        return SENT_AT

    def observe(self, _: Enrollment, cause: str) -> None:
        self.story.append(cause)

    def elapsed(self) -> float:
        return self.clock


@pytest.fixture
async def item(road: Road, make_entry: MakeEntry) -> WorkItem:
    await road.accept(make_entry("e1"))
    (claimed,) = await road.enrollments.claim_ready(1)
    return WorkItem(claimed)


def checkpoint(store: Store, item: WorkItem) -> SendingCheckpoint:
    return SendingCheckpoint(item, store.recheck, store.commit, store.observe, store.elapsed)


async def test_a_fresh_commit_is_not_repeated(item: WorkItem) -> None:
    store = Store()
    sending = checkpoint(store, item)
    await sending.ensure()
    store.clock += 0.9
    await sending.ensure()
    assert store.story == ["looked", "sending"]
    assert (item.enrollment.step, item.enrollment.sending_at) == (Step.SENDING, SENT_AT)


async def test_a_commit_that_took_longer_than_a_second_is_repeated_and_goes_on(item: WorkItem) -> None:
    store = Store()
    store.takes = [15.0]
    sending = checkpoint(store, item)
    await sending.ensure()
    await sending.ensure()
    await sending.ensure()
    assert store.story == ["looked", "sending", "looked", "sending_again"]


async def test_a_process_that_was_suspended_after_the_commit_checks_its_fence_again(item: WorkItem) -> None:
    store = Store()
    sending = checkpoint(store, item)
    await sending.ensure()
    store.clock, store.lost = store.clock + 60, True
    with pytest.raises(FenceLost):
        await sending.ensure()


async def test_what_changed_while_a_late_commit_was_repeated_keeps_it_from_being_sent(item: WorkItem) -> None:
    store = Store()
    sending = checkpoint(store, item)
    await sending.ensure()
    store.clock, store.declines = store.clock + 1.1, True
    with pytest.raises(DeclinedError):
        await sending.ensure()


async def test_operators_see_how_often_commits_were_repeated(item: WorkItem) -> None:
    metrics = Metrics()
    observer = StepObserver(metrics, lambda email: f"hash of {len(email)}")
    for cause in (SENDING, SENDING_AGAIN, SENDING_AGAIN):
        observer.step(Transition(item.enrollment, State.WORKING, Change(cause)))
    assert metrics.registry.get_sample_value("segue_sending_repeats_total", {"account": "main"}) == 2


async def test_a_commit_that_failed_is_not_taken_for_one(item: WorkItem) -> None:
    store = Store()
    sending = checkpoint(store, item)
    store.lost = True
    for _ in range(2):
        with pytest.raises(FenceLost):
            await sending.ensure()
    assert store.story == ["looked", "looked"]
