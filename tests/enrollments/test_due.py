"""What a worker has to do besides claiming, asked by one statement, and how long it rests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.enrollments.worker import LONGEST_REST_SECONDS, WorkerLimits
from tests.support.enrollments import rows, worker

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

WORKING = "state = 'working', leased_by = 'x'"
PAST, SOON = "clock_timestamp() - interval '1 second'", "clock_timestamp() + interval '60 seconds'"
FLAGS = ("abandoned", "overdue", "held", "ready", "uncertain", "confirming")


@pytest.mark.parametrize(
    ("change", "due"),
    [
        ("state = 'enrolled'", set()),
        (f"state = 'ready', due_at = {PAST}", {"ready"}),
        (f"state = 'ready', due_at = {SOON}", set()),
        (f"state = 'ready', due_at = {PAST}, account = 'other'", set()),
        (f"state = 'held', reason = 'window', due_at = {PAST}", {"held"}),
        (f"state = 'held', reason = 'window', due_at = {PAST}, account = 'other'", {"held"}),
        (f"{WORKING}, leased_until = {PAST}", {"abandoned"}),
        (f"{WORKING}, leased_until = {PAST}, account = 'other'", {"abandoned"}),
        (f"{WORKING}, leased_until = {SOON}", set()),
        (f"state = 'uncertain', due_at = {PAST}", {"uncertain"}),
        (f"state = 'uncertain', due_at = {PAST}, leased_until = {SOON}", set()),
        (f"state = 'uncertain', due_at = {PAST}, leased_until = {PAST}", {"uncertain"}),
        (f"state = 'ready', due_at = {SOON}, expires_at = {PAST}", {"overdue"}),
        (f"state = 'enrolled', confirm_at = {PAST}", set()),
        ("state = 'enrolled', confirm_at = clock_timestamp() - interval '30 seconds'", {"confirming"}),
    ],
)
async def test_what_is_due_is_named(engine: AsyncEngine, accept: Any, change: str, due: set[str]) -> None:
    await accept("ada@corp.example")
    await rows(engine, f"UPDATE enrollments SET {change}")  # noqa: S608  # ours
    found = await worker(engine).what_is_due()
    assert {flag for flag in FLAGS if getattr(found, flag)} == due


async def test_a_hundred_confirmations_do_not_wait_for_more(engine: AsyncEngine, accept: Any) -> None:
    await accept(*(f"p{number}@corp.example" for number in range(100)))
    await rows(engine, f"UPDATE enrollments SET state = 'enrolled', confirm_at = {PAST}")  # noqa: S608  # ours
    store = worker(engine)
    assert (await store.what_is_due()).confirming
    assert len(await store.claim_confirmations()) == 100
    assert not (await store.what_is_due()).confirming


@pytest.mark.parametrize(
    "change",
    [
        f"state = 'ready', due_at = {SOON}",
        f"state = 'held', reason = 'window', due_at = {SOON}",
        f"{WORKING}, leased_until = {SOON}",
        f"state = 'uncertain', due_at = {SOON}",
        f"state = 'uncertain', leased_until = {SOON}, due_at = {PAST}",
        f"state = 'held', reason = 'window', due_at = {SOON} + interval '1 hour', expires_at = {SOON}",
    ],
)
async def test_when_there_is_more_to_do_is_known(engine: AsyncEngine, accept: Any, change: str) -> None:
    await accept("ada@corp.example")
    store = worker(engine)
    assert (await store.what_is_due()).next_in is None
    await rows(engine, f"UPDATE enrollments SET {change}")  # noqa: S608  # ours
    found = await store.what_is_due()
    assert found.next_in is not None
    assert 0 < found.next_in <= 60


@given(poll=st.floats(0.01, 5), lease=st.floats(0.1, 600), next_in=st.none() | st.floats(0, 1e6))
def test_a_worker_rests_until_more_is_due_and_never_for_long(poll: float, lease: float, next_in: float | None) -> None:
    rest = WorkerLimits(poll=poll, lease=lease).rest(next_in)
    assert 0 < rest <= max(LONGEST_REST_SECONDS, min(poll, lease / 4))
    # A dead worker's lease is noticed before two leases have passed.
    assert rest < lease
    if next_in is not None:
        assert rest <= max(next_in, min(poll, lease / 4))
