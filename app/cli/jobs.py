"""`jobs`: what is asked for many enrollments or outbound events at once, shown first; listed, paused and cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.bulk.filters import TIMES, Filter
from app.bulk.groups import By
from app.bulk.job import COUNTED
from app.bulk.states import JobState
from app.cli.decide import Practice, moment_of
from app.cli.rules_file import AsJson, EnvFile, environment_of, print_json
from app.clock import in_words
from app.errors import StartError

if TYPE_CHECKING:
    from app.bulk.job import Job, Preview

NAMES = ("reason", "rule", "sender", "source", "account", "endpoint", *TIMES)
SHOWN = ("id", "kind", "state", "asked_by", "done", "total", "created_at")
Criteria = Annotated[
    list[str],
    typer.Argument(
        metavar="NAME=VALUE...",
        help="What must match: reason, rule, sender, source, account; since and until, when it last changed.",
    ),
]
Because = Annotated[str, typer.Option(help="Why you do it, for the audit log.")]
Yes = Annotated[bool, typer.Option("--yes", help="Begin; without it nothing is changed.")]
Expect = Annotated[int | None, typer.Option(min=0, help="How many you were shown: none begins where more match.")]
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

    rows = [shown(job) for job in run_session(listed(environment_of(env_file), state, limit, practice=practice))]
    show(rows if as_json else [{name: row[name] for name in SHOWN} for row in rows], as_json=as_json)


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


def parked(
    *,
    by: Annotated[By, typer.Option(help="What the members of a group have in common.")] = By.CAUSE,
    practice: Practice = False,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Show the parked enrollments in groups, what happened, and what to do."""
    from app.cli.catalogue import show
    from app.cli.jobs_at_work import groups
    from app.cli.session import run_session

    found = run_session(groups(environment_of(env_file), by, practice=practice))
    rows: list[dict[str, Any]] = [
        {
            by.value: group.value,
            "count": group.count,
            "since": group.since.isoformat(timespec="minutes"),
            "sender": group.sender,
            "rule": group.rule,
            "may_be_released": group.may_be_released,
            "what_happened": group.cause and group.cause.sentence,
            "what_to_do": group.cause and group.cause.what_to_do,
        }
        for group in found
    ]
    show(rows, as_json=as_json)


def release(
    criteria: Criteria,
    *,
    as_rules_now: Annotated[
        bool, typer.Option("--as-rules-now", help="Decide their events again, by the rules in force.")
    ] = False,
    because: Because = "",
    expect: Expect = None,
    yes: Yes = False,
    practice: Practice = False,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Release all parked enrollments that match, ten a second; first without --yes, to see which."""
    wanted = ("release_as_rules_now" if as_rules_now else "release_parked", filter_of_words(criteria))
    _asked(wanted, because, expect, yes=yes, practice=practice, env_file=env_file, as_json=as_json)


def cancel_waiting(
    criteria: Criteria,
    *,
    parked_too: Annotated[bool, typer.Option("--parked", help="Those that are parked, too.")] = False,
    because: Because = "",
    expect: Expect = None,
    yes: Yes = False,
    practice: Practice = False,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Cancel all waiting enrollments that match; first without --yes, to see which."""
    wanted = ("cancel", filter_of_words(criteria, ("held", "ready", "parked") if parked_too else ()))
    _asked(wanted, because, expect, yes=yes, practice=practice, env_file=env_file, as_json=as_json)


def replay(
    criteria: Annotated[
        list[str],
        typer.Argument(metavar="NAME=VALUE...", help="What must match: endpoint; since and until, when it was noted."),
    ],
    *,
    delivered_too: Annotated[bool, typer.Option("--delivered", help="Those that it has taken, too.")] = False,
    because: Because = "",
    expect: Expect = None,
    yes: Yes = False,
    practice: Practice = False,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Send the failed outbound events of an endpoint again; first without --yes, to see which."""
    wanted = ("replay_outbound", filter_of_words(criteria, ("failed", "delivered") if delivered_too else ()))
    _asked(wanted, because, expect, yes=yes, practice=practice, env_file=env_file, as_json=as_json)


def filter_of_words(words: list[str], states: tuple[str, ...] = ()) -> Filter:
    """Return the filter that `name=value` words write. Raises StartError."""
    found: dict[str, Any] = {}
    for word in words:
        name, is_pair, value = word.partition("=")
        if not is_pair or name not in NAMES or name in found:
            raise StartError(f"{word[:100]!r}: write NAME=VALUE once for each of {', '.join(NAMES)} that you mean")
        found[name] = moment_of(value, name) if name in TIMES else value
    return Filter(**found, states=states)


def shown(job: Job) -> dict[str, Any]:
    """Return a job for a table or for JSON."""
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


def _moved(move: str, job_id: str, *, practice: bool, env_file: Any, as_json: bool) -> None:
    from app.cli.jobs_at_work import moved
    from app.cli.session import run_session

    job = run_session(moved(environment_of(env_file), move, job_id, practice=practice))
    if as_json:
        print_json(shown(job))
    else:
        _print_job(job)


def _asked(
    wanted: tuple[str, Filter],
    because: str,
    expect: int | None,
    *,
    yes: bool,
    practice: bool,
    env_file: Any,
    as_json: bool,
) -> None:
    """Begin a job of a kind and a filter, or show what it would be about. Exit 1 where nothing matches."""
    from app.cli.jobs_at_work import asked, previewed
    from app.cli.session import run_session

    environment = environment_of(env_file)
    if yes:
        job = run_session(asked(environment, *wanted, because or None, expect, practice=practice))
        print_json(shown(job)) if as_json else _print_job(job)
        return
    preview = run_session(previewed(environment, *wanted, practice=practice))
    if as_json:
        print_json(_as_json(preview))
    else:
        _print_preview(preview)
    if not preview.count:
        raise typer.Exit(1)


def _as_json(preview: Preview) -> dict[str, Any]:
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


def _print_job(job: Job) -> None:
    outcomes = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in job.outcomes.items())
    left = "" if job.seconds_left is None else f", {in_words(job.seconds_left)} left"
    typer.echo(f"{job.id}  {job.kind}  {job.state}: {job.done:,} of {job.total:,}{left}")
    for line in (outcomes, job.error):
        if line:
            typer.echo(f"  {line}")
