"""Background jobs: a loop that runs one coroutine when woken and at intervals, and survives errors."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from app.database.engine import STORE_TROUBLE, first_line
from app.errors import SegueError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LONG_WAIT_SECONDS = 20.0
SHORTENED = 0.2  # the part of a long wait that may be left out

log = structlog.get_logger(__name__)


class Loop:
    """Runs `once` repeatedly. `once` returns the seconds until its next run, None for `every`.

    An error is logged, and `once` runs again after `retry` seconds (None: after `every`). `store_trouble` is the log
    event for errors of the store, `trouble` for a SegueError (None: it counts as a defect), `defect` for any other.
    """

    def __init__(
        self,
        once: Callable[[], Awaitable[float | None]],
        *,
        every: float,
        store_trouble: str,
        defect: str,
        trouble: str | None = None,
        retry: float | None = None,
    ) -> None:
        self._once = once
        self._every = every
        self._store_trouble = store_trouble
        self._trouble = trouble
        self._defect = defect
        self._retry = every if retry is None else retry
        self._wake = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the loop."""
        self._task = asyncio.create_task(self._run(), name=self._defect.partition(".")[0])

    def wake(self) -> None:
        """Run now, or once more after a run in progress."""
        self._wake.set()

    async def stop(self, *, finish: bool = False) -> None:
        """Stop the loop. `finish` waits for a run in progress; otherwise that run is cancelled."""
        self._stopping = True
        self._wake.set()
        if self._task is None:
            return
        if not finish:
            self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            seconds = await self._guarded()
            if seconds > 0 and not self._stopping:
                with suppress(TimeoutError):
                    async with asyncio.timeout(apart(seconds, random.random())):  # noqa: S311  # no secret
                        await self._wake.wait()

    async def _guarded(self) -> float:
        """Run once; return the seconds until the next run."""
        try:
            seconds = await self._once()
        except STORE_TROUBLE as error:
            log.warning(self._store_trouble, error=first_line(error))
        except SegueError as error:
            if self._trouble is None:
                log.exception(self._defect)
            else:
                log.warning(self._trouble, error=str(error))
        except Exception:
            # If this loop ended, its job would never run again, unnoticed.
            log.exception(self._defect)
        else:
            return self._every if seconds is None else seconds
        return self._retry


def apart(seconds: float, chance: float) -> float:
    """Return how long a loop waits that has nothing to do for so long. `chance` is at least 0 and less than 1.

    All loops of a process start together. Those that also look at the store together need a connection each, and use it
    again before it counts as unused: PostgreSQL keeps a process of 3 to 5 MB for each. Therefore long waits differ.
    """
    return seconds * (1 - SHORTENED * chance) if seconds >= LONG_WAIT_SECONDS else seconds
