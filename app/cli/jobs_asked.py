"""`jobs parked`, `release`, `cancel-waiting`, `replay`: what may be asked for at once, shown first, then begun."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from app.bulk.filters import LISTS, TIMES, Filter
from app.bulk.groups import By
from app.cli.decide import Practice, moment_of
from app.cli.jobs_shown import print_job, print_preview
from app.cli.rules_file import AsJson, EnvFile, environment_of
from app.errors import StartError

NAMES = ("reason", "rule", "sender", "source", "account", "endpoint", *TIMES)
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
    kind = "release_as_rules_now" if as_rules_now else "release_parked"
    _ask(kind, _filter_of(criteria), because, expect, yes=yes, practice=practice, env_file=env_file, as_json=as_json)


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
    given = _filter_of(criteria, ("held", "ready", "parked") if parked_too else ())
    _ask("cancel", given, because, expect, yes=yes, practice=practice, env_file=env_file, as_json=as_json)


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
    given = _filter_of(criteria, ("failed", "delivered") if delivered_too else ())
    _ask("replay_outbound", given, because, expect, yes=yes, practice=practice, env_file=env_file, as_json=as_json)


def _filter_of(words: list[str], states: tuple[str, ...] = ()) -> Filter:
    """Return the filter that `name=value` words write. Raises StartError."""
    found: dict[str, Any] = {}
    for word in words:
        name, is_pair, value = word.partition("=")
        if not is_pair or name not in NAMES or name in found:
            raise StartError(f"{word[:100]!r}: write NAME=VALUE once for each of {', '.join(NAMES)} that you mean")
        if name in LISTS:
            found[name] = tuple(value.split(","))
        else:
            found[name] = moment_of(value, name) if name in TIMES else value
    return Filter(**found, states=states)


def _ask(
    kind: str,
    given: Filter,
    because: str,
    expect: int | None,
    *,
    yes: bool,
    practice: bool,
    env_file: EnvFile,
    as_json: bool,
) -> None:
    """Begin a job of a kind and a filter, or show what it would be about. Exit 1 where nothing matches."""
    from app.cli.jobs_at_work import asked, previewed
    from app.cli.session import run_session

    environment = environment_of(env_file)
    if yes:
        job = run_session(asked(environment, kind, given, because or None, expect, practice=practice))
        print_job(job, as_json=as_json)
        return
    preview = run_session(previewed(environment, kind, given, practice=practice))
    print_preview(preview, as_json=as_json)
    if not preview.count:
        raise typer.Exit(1)
