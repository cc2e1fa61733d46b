"""Jobs on many rows: all of them, and one with how far it is, what became of the rows, who asked for it and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.bulk.job_store import BulkJobStore
from app.bulk.states import FINAL, JobState
from app.console import job_changes
from app.console.job_words import MARKS, Narrowing, Outcome, about, narrowing, outcomes, sentence, words_of
from app.console.lists import PAGE_ROWS, Listed, Slice, sliced
from app.console.page import JOB_SECONDS, LIVE_SECONDS, ROOT, Pages, Place, Visit, not_there
from app.operators import Role

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from app.bulk.job import Job
    from app.console.context import Console

NONE_YET = "Nothing was asked for many at once yet."


@dataclass(frozen=True, slots=True)
class Line:
    """One job of the list. `about` says shortly which rows it is about."""

    id: str
    url: str
    asked_at: datetime
    asked_by: str
    title: str
    about: str
    mark: str
    word: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class JobsPage:
    """The list: `sentence` says how many of these jobs are in which state."""

    sentence: str
    lines: Slice[Line]


@dataclass(frozen=True, slots=True)
class JobPage:
    """One job. `over` says that nothing of it changes any more; `moves` are what this person may do with it now."""

    id: str
    title: str
    sentence: str
    mark: str
    word: str
    done: int
    total: int
    fill: str
    outcomes: tuple[Outcome, ...]
    narrowing: tuple[Narrowing, ...]
    asked_by: str
    role: str | None
    reason: str | None
    asked_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None
    over: bool
    moves: tuple[str, ...]


def pages(console: Console) -> Pages:
    """Return both pages, and what is done with a job."""
    pages, store = Pages(Place("Jobs", "In bulk", 40)), BulkJobStore(console.reads)

    @pages.show("/jobs", "jobs.html", live=LIVE_SECONDS)
    async def jobs(visit: Visit) -> JobsPage:
        asked, limit = visit.query(Listed), PAGE_ROWS + 1
        newer = asked.after is not None
        found = await (
            store.newer(asked.after or "", limit=limit) if newer else store.page(before=asked.before, limit=limit)
        )
        lines = [_line(job) for job in found]
        return JobsPage(_counted(found[:PAGE_ROWS]), sliced(lines, [line.id for line in lines], asked, visit))

    @pages.show("/jobs/{job_id}", "job.html", live=JOB_SECONDS)
    async def job(visit: Visit) -> JobPage:
        found = await store.one(visit.parameters["job_id"])
        if found is None:
            raise not_there("job with this id")
        return _page(found, visit)

    job_changes.add(pages, console)
    return pages


def _counted(jobs: Sequence[Job]) -> str:
    if not jobs:
        return NONE_YET
    states = Counter(job.state for job in jobs)
    return f"On this page: {', '.join(f'{states[state]} {state}' for state in JobState if states[state])}."


def _line(job: Job) -> Line:
    return Line(
        id=job.id,
        url=f"{ROOT}/jobs/{job.id}",
        asked_at=job.created_at,
        asked_by=job.asked_by,
        title=words_of(job.kind).title,
        about=about(job.filter),
        mark=MARKS[job.state],
        word=job.state,
        done=job.done,
        total=job.total,
    )


def _page(job: Job, visit: Visit) -> JobPage:
    mark = MARKS[job.state]
    return JobPage(
        id=job.id,
        title=words_of(job.kind).title,
        sentence=sentence(job, visit.now, visit.zone),
        mark=mark,
        word=job.state,
        done=job.done,
        total=job.total,
        fill="plain" if job.state is JobState.CANCELLED else mark,
        outcomes=outcomes(job),
        narrowing=narrowing(job, visit.now, visit.zone),
        asked_by=job.asked_by,
        role=job.role,
        reason=job.reason,
        asked_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        error=job.error,
        over=job.state in FINAL,
        moves=tuple(map(str, job_changes.movable(job))) if visit.may(Role.OPERATOR) else (),
    )
