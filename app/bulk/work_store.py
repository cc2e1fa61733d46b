"""A worker's side of the jobs: what is due, whose turn it is, and a chunk in one transaction."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from app.audit.act import Act, acting
from app.audit.store import note
from app.bulk import statements as sql
from app.bulk.filters import filter_of
from app.bulk.job import Chunk
from app.bulk.job_store import move_job
from app.bulk.kinds import KINDS
from app.bulk.states import JobState, Move, after
from app.errors import FenceLost

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from app.bulk.job import Kind
    from app.intake.redecide import Redecider

LEASE_SECONDS = 60.0  # a chunk takes a second or two, and renews it


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job that this worker may do a chunk of; `attempt` is its fence."""

    id: str
    kind: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Worked:
    """What one chunk came to: how many rows had which outcome, and the state of the job after it."""

    outcomes: Mapping[str, int]
    state: JobState


@dataclass(frozen=True, slots=True)
class BulkWorkStore:
    """The jobs of all workers, for the one called `worker`; `lease` is in seconds.

    `redecider` returns what decides events again within a transaction.
    """

    engine: AsyncEngine
    worker: str
    redecider: Callable[[AsyncConnection], Awaitable[Redecider]]
    lease: float = LEASE_SECONDS

    async def due_in(self) -> float:
        """Return the seconds until a job is due, infinity where none is."""
        async with self.engine.connect() as connection:
            seconds = (await connection.execute(sql.NEXT_DUE, self._who())).scalar_one()
        return math.inf if seconds is None else float(seconds)

    async def claim(self) -> Claimed | None:
        """Claim the job that has been due for the longest time, None where another worker has it or none is due."""
        async with self.engine.begin() as connection:
            row = (await connection.execute(sql.CLAIM, self._who() | {"lease": self.lease})).one_or_none()
        return None if row is None else Claimed(row.id, row.kind, row.attempt)

    async def work(self, claimed: Claimed) -> Worked:
        """Do the next chunk of a job and move it on, all in one transaction.

        Raises FenceLost where an operator or another worker has the job by now: then nothing is written.
        """
        async with self.engine.begin() as connection:
            row = await self._locked(connection, claimed)
            kind, given = KINDS[row["kind"]], filter_of(row["filter"])
            wanted = kind.wanted(given, row["created_at"])
            ids = await kind.rows.find(connection, wanted, row["cursor"], kind.per_chunk)
            outcomes = await kind.work(Chunk(connection, row["id"], given, ids, self.redecider)) if ids else {}
            state = after(JobState.RUNNING, Move.GO_ON if len(ids) == kind.per_chunk else Move.FINISH)
            await self._move_on(connection, row, kind, ids, outcomes, state)
        return Worked(outcomes, state)

    async def fail(self, claimed: Claimed, error: str) -> None:
        """Note that a job cannot go on until a person has looked. Raises FenceLost."""
        async with self.engine.begin() as connection:
            row = await self._locked(connection, claimed)
            with acting(_asked(row)):
                await move_job(connection, row, Move.FAIL, error=error)

    async def hand_back(self) -> None:
        """Let other workers go on with the jobs of this one."""
        async with self.engine.begin() as connection:
            await connection.execute(sql.HAND_BACK, {"worker": self.worker})

    async def _locked(self, connection: AsyncConnection, claimed: Claimed) -> Any:
        values = {"id": claimed.id, "attempt": claimed.attempt}
        row = (await connection.execute(sql.LOCK_MINE, values)).mappings().one_or_none()
        if row is None:
            raise FenceLost(claimed.id)
        return row

    async def _move_on(
        self,
        connection: AsyncConnection,
        row: Any,
        kind: Kind,
        ids: list[str],
        outcomes: Mapping[str, int],
        state: JobState,
    ) -> None:
        counted, done = Counter(row["outcomes"]) + Counter(outcomes), row["done"] + len(ids)
        values = {
            "id": row["id"],
            "state": state,
            "cursor": ids[-1] if ids else row["cursor"],
            "done": done,
            "outcomes": orjson.dumps(counted).decode(),
            "pause": kind.pace.pause(len(ids)),
            "lease": self.lease,
            "ends": state is JobState.DONE,
        }
        await connection.execute(sql.MOVE_ON, values)
        if state is JobState.DONE:
            with acting(_asked(row)):
                ended = {"state": state, "done": done, "outcomes": counted}
                await note(connection, target=row["id"], before={"state": row["state"]}, after=ended)

    def _who(self) -> dict[str, Any]:
        return {"worker": self.worker, "kinds": list(KINDS)}


def _asked(row: Any) -> Act:
    """Return the act of the operator who asked for a job, as which its end is noted."""
    return Act(row["asked_by"], row["role"], row["origin"], f"job {row['kind']}", target=row["id"])
