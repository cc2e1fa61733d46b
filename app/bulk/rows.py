"""A row of `bulk_jobs` as a Job. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.bulk.estimate import seconds_left
from app.bulk.filters import filter_of
from app.bulk.job import Job
from app.bulk.kinds import KINDS
from app.bulk.states import JobState

if TYPE_CHECKING:
    from sqlalchemy import RowMapping


def job_of(row: RowMapping) -> Job:
    """Return the job of a row that also has `now`, the database's clock."""
    return Job(
        id=row["id"],
        kind=row["kind"],
        state=JobState(row["state"]),
        asked_by=row["asked_by"],
        role=row["role"],
        reason=row["reason"],
        filter=filter_of(row["filter"]),
        total=row["total"],
        done=row["done"],
        outcomes=row["outcomes"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        error=row["error"],
        seconds_left=_seconds_left(row),
    )


def _seconds_left(row: RowMapping) -> float | None:
    """Return the estimate, None where no worker goes on with the job, or a newer version alone knows its kind."""
    kind = KINDS.get(row["kind"])
    if kind is None or row["state"] not in {JobState.WAITING, JobState.RUNNING}:
        return None
    within = (row["now"] - row["measured_from"]).total_seconds() if row["measured_from"] else 0.0
    measured = row["done"] - row["done_before"] if row["state"] == JobState.RUNNING else 0
    return seconds_left(kind.pace, total=row["total"], done=row["done"], measured=measured, within=within)
