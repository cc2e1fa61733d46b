"""Whatever happens in whatever order, and wherever a process stops: counting as it comes is counting anew."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from random import Random
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from app.tallies.recount import Recount
from tests.intake.test_redecide_properties import History, history_of
from tests.tallies.conftest import NOW, Counting, Stopped, Stopping

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

ENDS = """
    WITH moved AS (
        UPDATE enrollments SET ended = 'unenrolled', ended_known = false WHERE state = 'enrolled' AND ended IS NULL
        RETURNING id
    )
    INSERT INTO journal (enrollment_id, at, before, after, attempt, cause)
    SELECT id, clock_timestamp(), 'enrolled', 'enrolled', 1, 'ended' FROM moved
"""
REPLIES = ENDS.replace("ended = 'unenrolled', ended_known = false", "replied_at = now()").replace(
    "ended IS NULL", "replied_at IS NULL"
)
many = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
NUMBERS = count()


async def count_and_stop(counting: Counting, after: int) -> None:
    """Count, as a process that stops after so many steps; its lease runs out."""
    Stopping.steps = after
    try:
        await Recount(Stopping(counting.engine, "stops", behind=timedelta())).run()
    except Stopped:
        await counting.lease_over()


@many
@given(st.integers(0, 2**32))
async def test_counting_as_it_comes_is_counting_anew(engine: AsyncEngine, seed: int) -> None:
    random, counting = Random(seed), Counting(engine)  # noqa: S311  # a test
    history = History(engine, f"p{next(NUMBERS)}@corp.example")
    history.desk, steps = counting.desk, history_of(random)
    taken = list[str]()
    for step in steps:
        if random.random() < 0.3:
            counting.clock[:] = [NOW - timedelta(hours=random.randint(2, 300))]
        await history.take(step)
        taken.append(step)
        if random.random() < 0.3:
            await counting.desk.run(random.choice([ENDS, REPLIES]))
        if random.random() < 0.5:
            stop = random.randint(0, 20)
            taken.append(f"count and stop after {stop}")
            await count_and_stop(counting, stop)
    note(f"steps: {taken}")
    await counting.count()
    found = await counting.cells()
    assert found
    assert found == await counting.rebuilt()
