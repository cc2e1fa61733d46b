"""The jobs for operators: listed, shown, paused, resumed and cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.audit.store import note
from app.bulk import statements as sql
from app.bulk.rows import job_of
from app.bulk.states import FINAL, JobState, Move, after
from app.database.engine import busy_when_gone
from app.database.listen import BULK_READY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from app.bulk.job import Job


class BulkJobStore:
    """The jobs in the database. Every method raises Busy while it is unavailable."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def page(self, *, state: JobState | None = None, before: str | None = None, limit: int = 50) -> list[Job]:
        """List jobs, newest first, older than the id `before`."""
        return [job_of(row) for row in await self._rows(sql.LIST, state=state, after=before, limit=limit)]

    async def newer(self, after: str, *, state: JobState | None = None, limit: int = 50) -> list[Job]:
        """List the jobs next above the id `after`, newest first."""
        return [job_of(row) for row in await self._rows(sql.NEWER, state=state, after=after, limit=limit)][::-1]

    async def one(self, id_: str) -> Job | None:
        """Return a job, None where nothing has this id."""
        rows = await self._rows(sql.SHOW, id=id_)
        return job_of(rows[0]) if rows else None

    async def pause(self, id_: str) -> Job | None:
        """Let no worker go on with a job until it is resumed; None where nothing has this id.

        A chunk in progress is finished first. Raises JobNotMovable, as the other two do.
        """
        return await self._move(id_, Move.PAUSE)

    async def resume(self, id_: str) -> Job | None:
        """Let workers go on with a job that was paused or has failed, at its cursor; None where there is none."""
        return await self._move(id_, Move.RESUME)

    async def cancel(self, id_: str) -> Job | None:
        """End a job; what it has done stays done. None where there is none."""
        return await self._move(id_, Move.CANCEL)

    async def _move(self, id_: str, move: Move) -> Job | None:
        with busy_when_gone():
            async with self._engine.begin() as connection:
                row = (await connection.execute(sql.LOCK, {"id": id_})).mappings().one_or_none()
                if row is None:
                    return None
                await move_job(connection, row, move)
                return job_of((await connection.execute(sql.SHOW, {"id": id_})).mappings().one())

    async def _rows(self, statement: Any, **values: Any) -> Sequence[Any]:
        with busy_when_gone():
            async with self._engine.connect() as connection:
                return (await connection.execute(statement, values)).mappings().all()


async def move_job(connection: AsyncConnection, row: Any, move: Move, *, error: str | None = None) -> None:
    """Move a job whose row is locked, and note it. Its worker, if any, has lost it. Raises JobNotMovable."""
    reached = after(JobState(row["state"]), move)
    ends = reached in FINAL or reached is JobState.FAILED
    await connection.execute(sql.MOVE, {"id": row["id"], "state": reached, "ends": ends, "error": error})
    changed = {"state": reached, "done": row["done"], "outcomes": row["outcomes"]}
    await note(
        connection,
        target=row["id"],
        before={"state": row["state"]},
        after=changed if error is None else changed | {"error": error},
    )
    await connection.execute(sql.NOTIFY, {"channel": BULK_READY})
