"""Tallies, put together: what counts hours, what writes a process's counters, and what notices a silent source."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from app.clock import utc_now
from app.jobs import Loop
from app.tallies.counter_store import CounterStore
from app.tallies.recount import Recount
from app.tallies.silences import silences
from app.tallies.store import TallyStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.process import Process

COUNT_SECONDS = 30.0
WRITE_SECONDS = 10.0
SILENCE_SECONDS = 300.0


async def start(process: Process) -> None:
    """Start what counts hours, whichever process has the turn, and what notices silent sources."""
    history_days = process.settings.history_days
    recount = open_recount(process.engine, process.name, history_days=history_days, stopping=process.stopping.is_set)
    process.run(Loop(recount.run, every=COUNT_SECONDS, store_trouble="tallies.not_counted", defect="tallies.defect"))

    async def notice() -> None:
        found = await silences(process.engine, process.current_rulebook(), utc_now())
        process.metrics.silent_sources({source: one.silent for source, one in found.items()})

    process.run(Loop(notice, every=SILENCE_SECONDS, store_trouble="silence.not_judged", defect="silence.defect"))


async def start_counting(process: Process) -> None:
    """Start what writes the counters of a process that receives. It writes once more after all that was begun later."""
    store = CounterStore(process.engine, process.metrics.hourly, process.name)
    process.stack.push_async_callback(store.write_last)
    process.run(Loop(store.write, every=WRITE_SECONDS, store_trouble="counters.not_written", defect="counters.defect"))


def open_recount(
    engine: AsyncEngine, worker: str, *, history_days: float, stopping: Callable[[], bool] = lambda: False
) -> Recount:
    """Return what counts hours, in a process or in a command beside one."""
    history = timedelta(days=history_days) if history_days else None
    return Recount(TallyStore(engine, worker, history=history), stopping)
