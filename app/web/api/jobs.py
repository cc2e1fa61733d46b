"""`/api/v1/jobs`: what is asked for many rows at once; `/api/v1/parked`: the groups that such jobs begin from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import structlog
from fastapi import APIRouter, Query

from app.audit.act import current
from app.bulk.ask_store import BulkAskStore
from app.bulk.groups import By
from app.bulk.job import Job, Preview
from app.bulk.job_store import BulkJobStore
from app.bulk.parked_store import ParkedStore
from app.bulk.states import JobState
from app.ids import Ids
from app.web.access.routes import READS
from app.web.api.common import LIMIT, UNREADABLE, Identity, Limit, or_404, resource
from app.web.api.jobs_models import JobAsked, JobPage, JobPreviewed, JobRow, ParkedGroups, PreviewRow
from app.web.job_problems import job_problems
from app.web.pagination import JobCursor

if TYPE_CHECKING:
    from app.audit.act import Act
    from app.process import Process

CONFLICT: dict[int | str, dict[str, Any]] = {409: {"description": "Its state does not allow that"}}
NOT_BEGUN: dict[int | str, dict[str, Any]] = {
    409: {"description": "More match than were shown (`count` says how many), nothing does, or `job` does it already"}
}
Grouped = Annotated[By, Query(description="What the members of a group have in common")]

log = structlog.get_logger(__name__)


def routes(process: Process) -> APIRouter:
    """Return the routes."""
    router, jobs = resource(), BulkJobStore(process.engine)
    _add_asking(router, BulkAskStore(process.engine, Ids()))
    _add_lists(router, jobs, ParkedStore(process.engine))
    _add_moves(router, jobs)
    return router


def _add_asking(router: APIRouter, asking: BulkAskStore) -> None:
    @router.post("/jobs/preview", response_model=PreviewRow, responses=UNREADABLE, openapi_extra=READS)
    async def preview(wanted: JobPreviewed) -> Preview:
        """Show what a job would be about: how many, the first ten, and how long it would take. Nothing is changed."""
        with job_problems():
            return await asking.preview(wanted.kind, wanted.filter.meant(), role=_act().role)

    @router.post("/jobs", response_model=JobRow, responses=NOT_BEGUN | UNREADABLE)
    async def ask(asked: JobAsked) -> Job:
        """Begin a job on all that match now, unless more match than the preview has shown.

        An operator may ask for 1,000 at once, an admin for any number. A worker does it, a chunk at a time.
        """
        with job_problems():
            job = await asking.ask(
                asked.kind,
                asked.filter.meant(),
                expected_count=asked.expected_count,
                reason=asked.reason,
                act=_act(),
            )
        log.info("bulk.job_asked", job_id=job.id, kind=job.kind, count=job.total)
        return job


def _add_lists(router: APIRouter, jobs: BulkJobStore, parked: ParkedStore) -> None:
    @router.get("/jobs", response_model=JobPage)
    async def listed(state: JobState | None = None, cursor: JobCursor = None, limit: Limit = LIMIT) -> dict[str, Any]:
        """List jobs, newest first."""
        found = await jobs.page(state=state, before=cursor, limit=limit + 1)
        items = found[:limit]
        return {"items": items, "next_cursor": items[-1].id if len(found) > limit else None}

    @router.get("/jobs/{job_id}", response_model=JobRow)
    async def job(job_id: Identity) -> Job:
        """Return one job: how far it is, and what became of the rows."""
        return or_404(await jobs.one(job_id), job_id)

    @router.get("/parked", response_model=ParkedGroups)
    async def groups(by: Grouped = By.CAUSE) -> dict[str, Any]:
        """Return the parked enrollments in groups, with what happened and what to do: 200 groups at most."""
        return {"items": await parked.groups(by)}


def _add_moves(router: APIRouter, jobs: BulkJobStore) -> None:
    @router.post("/jobs/{job_id}/pause", response_model=JobRow, responses=CONFLICT)
    async def pause(job_id: Identity) -> Job:
        """Let no worker go on with a job until it is resumed. The chunk in hand is finished."""
        return await _moved(jobs.pause, job_id)

    @router.post("/jobs/{job_id}/resume", response_model=JobRow, responses=CONFLICT)
    async def resume(job_id: Identity) -> Job:
        """Go on with a job that was paused or has failed, where it was."""
        return await _moved(jobs.resume, job_id)

    @router.post("/jobs/{job_id}/cancel", response_model=JobRow, responses=CONFLICT)
    async def cancel(job_id: Identity) -> Job:
        """End a job. What it has done stays done."""
        return await _moved(jobs.cancel, job_id)


async def _moved(move: Callable[[str], Awaitable[Job | None]], job_id: str) -> Job:
    with job_problems():
        job = or_404(await move(job_id), job_id)
    log.info("bulk.job_moved", job_id=job.id, state=job.state)
    return job


def _act() -> Act:
    act = current()
    if act is None:
        raise AssertionError("the gate lets no request of an operator in without its act")
    return act
