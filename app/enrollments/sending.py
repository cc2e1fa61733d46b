"""`sending`, the checkpoint before the one request: committed before a connection is taken, fresh at the first byte.

A process that is frozen between the commit and the first byte may lose its row meanwhile. So the first byte follows
within a second of a commit that found the row still its own; where that takes longer, the commit is repeated.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app.clock import elapsed_seconds
from app.model import Step

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from app.enrollments.prepare import WorkItem
    from app.model import Enrollment

LIFE_SECONDS = 1.0
SENDING, SENDING_AGAIN = "sending", "sending_again"


class SendingCheckpoint:
    """The checkpoint of one request.

    `look_again` raises what keeps the enrollment from being sent after all. `commit` commits `sending` and returns the
    database's time; it raises FenceLost, HeldError or SenderGone. `committed` is called with the cause after each.
    `elapsed` is a clock in seconds that counts suspension.
    """

    def __init__(
        self,
        attempt: WorkItem,
        look_again: Callable[[WorkItem], Awaitable[None]],
        commit: Callable[[Enrollment], Awaitable[datetime]],
        committed: Callable[[Enrollment, str], None],
        elapsed: Callable[[], float] = elapsed_seconds,
    ) -> None:
        self._attempt = attempt
        self._look_again = look_again
        self._commit = commit
        self._committed = committed
        self._elapsed = elapsed
        self._begun_at: float | None = None

    async def ensure(self) -> None:
        """Return when `sending` is committed. At once, where that is no more than a second ago."""
        before = self._begun_at
        if before is not None and self._elapsed() - before <= LIFE_SECONDS:
            return
        await self._look_again(self._attempt)
        self._begun_at = self._elapsed()
        sent_at = await self._commit(self._attempt.enrollment)
        self._attempt.enrollment = replace(self._attempt.enrollment, step=Step.SENDING, sending_at=sent_at)
        self._committed(self._attempt.enrollment, SENDING if before is None else SENDING_AGAIN)
