"""A job, and what one would be about, as commands print them: as lines, or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from app.bulk.job import COUNTED
from app.cli.rules_file import print_json
from app.clock import in_words

if TYPE_CHECKING:
    from app.bulk.job import Job, Preview


def print_job(job: Job, *, as_json: bool) -> None:
    """Print how far a job is."""
    if as_json:
        print_json(job_as_json(job))
    else:
        _print_job(job)


def print_preview(preview: Preview, *, as_json: bool) -> None:
    """Print what a job would be about."""
    if as_json:
        print_json(_preview_as_json(preview))
    else:
        _print_preview(preview)


def job_as_json(job: Job) -> dict[str, Any]:
    """Return a job for a table or for JSON, its times as ISO texts."""
    times = {name: getattr(job, name) for name in ("created_at", "started_at", "finished_at")}
    return {
        "id": job.id,
        "kind": job.kind,
        "state": str(job.state),
        "asked_by": job.asked_by,
        "reason": job.reason,
        "filter": job.filter.as_json(),
        "done": job.done,
        "total": job.total,
        "outcomes": dict(job.outcomes),
        **{name: time.isoformat() if time else None for name, time in times.items()},
        "seconds_left": job.seconds_left,
        "error": job.error,
    }


def _print_job(job: Job) -> None:
    outcomes = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in job.outcomes.items())
    left = "" if job.seconds_left is None else f", {in_words(job.seconds_left)} left"
    typer.echo(f"{job.id}  {job.kind}  {job.state}: {job.done:,} of {job.total:,}{left}")
    for line in (outcomes, job.error):
        if line:
            typer.echo(f"  {line}")


def _preview_as_json(preview: Preview) -> dict[str, Any]:
    rows = [{name: str(value) for name, value in row.items() if value is not None} for row in preview.first]
    return {
        "kind": preview.kind,
        "filter": preview.filter.as_json(),
        "count": preview.count,
        "is_more": preview.is_more,
        "may_have_been_sent": preview.may_have_been_sent,
        "first": rows,
        "seconds": preview.seconds,
    }


def _print_preview(preview: Preview) -> None:
    for row in preview.first:
        typer.echo(f"{row['id']}  {row['state']}  {row.get('reason') or row.get('endpoint') or '-'}")
    count = f"more than {COUNTED:,}" if preview.is_more else f"{preview.count:,}"
    sent = f", {preview.may_have_been_sent:,} of them may have been sent before" if preview.may_have_been_sent else ""
    takes = f", done in {in_words(preview.seconds)}" if preview.count and preview.seconds is not None else ""
    typer.echo(f"{count} match{sent}{takes}")
    if preview.count:
        typer.echo("nothing was changed: repeat it with --yes to begin")
