"""`jobs list`, `show`, `pause`, `resume`, `cancel`: the jobs that were asked for, and whether they go on."""

from __future__ import annotations

from typing import Annotated

import typer

from app.bulk.states import JobState
from app.cli.decide import Practice
from app.cli.jobs_shown import job_as_json, print_job
from app.cli.rules_file import AsJson, EnvFile, environment_of

LISTED = ("id", "kind", "state", "asked_by", "done", "total", "created_at")
JobId = Annotated[str, typer.Argument(help="The id of a job (job_...).")]


def list_jobs(
    *,
    state: Annotated[JobState | None, typer.Option(help="Those in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, the newest first.")] = 50,
    practice: Practice = False,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first."""
    from app.cli.catalogue import show
    from app.cli.jobs_at_work import listed
    from app.cli.session import run_session

    rows = [job_as_json(job) for job in run_session(listed(environment_of(env_file), state, limit, practice=practice))]
    show(rows if as_json else [{name: row[name] for name in LISTED} for row in rows], as_json=as_json)


def show_job(job_id: JobId, *, practice: Practice = False, env_file: EnvFile = None, as_json: AsJson = False) -> None:
    """Show how far a job is, and what became of the rows."""
    _moved("one", job_id, practice=practice, env_file=env_file, as_json=as_json)


def pause(job_id: JobId, *, practice: Practice = False, env_file: EnvFile = None, as_json: AsJson = False) -> None:
    """Let no worker go on with a job until it is resumed."""
    _moved("pause", job_id, practice=practice, env_file=env_file, as_json=as_json)


def resume(job_id: JobId, *, practice: Practice = False, env_file: EnvFile = None, as_json: AsJson = False) -> None:
    """Go on with a job that was paused or has failed, where it was."""
    _moved("resume", job_id, practice=practice, env_file=env_file, as_json=as_json)


def cancel(job_id: JobId, *, practice: Practice = False, env_file: EnvFile = None, as_json: AsJson = False) -> None:
    """End a job; what it has done stays done."""
    _moved("cancel", job_id, practice=practice, env_file=env_file, as_json=as_json)


def _moved(move: str, job_id: str, *, practice: bool, env_file: EnvFile, as_json: bool) -> None:
    from app.cli.jobs_at_work import moved
    from app.cli.session import run_session

    job = run_session(moved(environment_of(env_file), move, job_id, practice=practice))
    print_job(job, as_json=as_json)
