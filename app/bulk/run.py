"""One turn of a worker at the jobs: what is due, claim it, do a chunk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from app.bulk.states import JobState
from app.database.engine import STORE_TROUBLE
from app.database.listen import IDLE_POLL_SECONDS
from app.errors import FenceLost, SegueError

if TYPE_CHECKING:
    from app.bulk.work_store import BulkWorkStore, Claimed

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class BulkRunner:
    """Does what operators have asked for, a chunk at a time, each job in its turn."""

    store: BulkWorkStore

    async def once(self) -> float | None:
        """Do one chunk that is due; return the seconds until the next one, None where another worker may have it.

        Trouble with the store is the caller's: nothing was written then, and the chunk is done at the next turn.
        """
        seconds = await self.store.due_in()
        if seconds > 0:
            return min(seconds, IDLE_POLL_SECONDS)
        claimed = await self.store.claim()
        if claimed is None:
            return None
        await self._work(claimed)
        return 0.0

    async def _work(self, claimed: Claimed) -> None:
        try:
            worked = await self.store.work(claimed)
        except FenceLost:
            log.info("bulk.job_taken", job_id=claimed.id, follows="an operator or another worker has it")
        except (SegueError, *STORE_TROUBLE):
            raise
        except Exception as error:
            # A defect of ours: the job would meet it again and again, and keep all others waiting.
            log.exception("bulk.defect", job_id=claimed.id)
            await self.store.fail(claimed, f"a defect ({type(error).__name__}): the log says more")
        else:
            if worked.state is JobState.DONE:
                log.info("bulk.job_done", job_id=claimed.id, kind=claimed.kind)
