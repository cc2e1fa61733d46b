"""`sending`, the checkpoint before the one request: committed before a connection is taken, fresh at the first byte.

A process that is suspended between the commit and the first byte may lose its row to another worker. So the first byte
follows within a second of a commit that found the row still owned; if more time has passed, the commit is repeated.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app.clock import elapsed_seconds
from app.model import Step

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from app.enrollments.work_item import WorkItem
    from app.model import Enrollment

LIFE_SECONDS = 1.0
SENDING, SENDING_AGAIN = "sending", "sending_again"


class SendingCheckpoint:
    """The checkpoint of one request.

    `recheck` raises what now keeps the enrollment from being sent. `commit` commits `sending` and returns the
    database's time; it raises FenceLost, HeldError, DeclinedError or SenderGone. `observe` receives the cause after
    each commit. `elapsed` is a clock in seconds that counts suspension.
    """

    def __init__(
        self,
        item: WorkItem,
        recheck: Callable[[WorkItem], None],
        commit: Callable[[Enrollment], Awaitable[datetime]],
        observe: Callable[[Enrollment, str], None],
        elapsed: Callable[[], float] = elapsed_seconds,
    ) -> None:
        self._item = item
        self._recheck = recheck
        self._commit = commit
        self._observe = observe
        self._elapsed = elapsed
        self._commit_began_at: float | None = None

    async def ensure(self) -> None:
        """Return when `sending` is committed: at once where a commit began no more than a second ago."""
        before = self._commit_began_at
        if before is not None and self._elapsed() - before <= LIFE_SECONDS:
            return
        self._recheck(self._item)
        began_at = self._elapsed()
        sent_at = await self._commit(self._item.enrollment)
        self._commit_began_at = began_at
        self._item.enrollment = replace(self._item.enrollment, step=Step.SENDING, sending_at=sent_at)
        self._observe(self._item.enrollment, SENDING if before is None else SENDING_AGAIN)
