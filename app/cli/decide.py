"""`decide`, `release`, `example`: stored events by the rules in force, and parked enrollments that go on."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from app.cli.rules_file import AsJson, EnvFile, environment_of, print_json
from app.errors import StartError
from app.intake.decided_again import NOT_POSSIBLE, DecidedAgain, counted

Practice = Annotated[bool, typer.Option("--sandbox", help="Work where `serve --sandbox` keeps its data.")]


def decide(
    *,
    event: Annotated[str, typer.Option(help="The id of one stored event (evt_...).")] = "",
    rule: Annotated[str, typer.Option(help="A rule's id: all stored events that it listens to.")] = "",
    since: Annotated[str, typer.Option(help="With --rule: received since then, 2026-11-23 or 2026-11-23T08:00Z.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing, and say what would follow.")] = False,
    practice: Practice = False,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Decide stored events again, by the rules in force. What was not sent is replaced; what was sent stands."""
    if bool(event) == bool(rule) or bool(rule) != bool(since):
        raise StartError("name either an --event, or a --rule and --since when")
    environment = environment_of(env_file)
    moment = moment_of(since, "--since") if since else None
    from app.cli.redecider import decide_events
    from app.cli.session import run_session

    results = run_session(decide_events(environment, event, rule, moment, dry_run=dry_run, practice=practice))
    if as_json:
        print_json({"dry_run": dry_run, "counts": counted(results), "events": [asdict(one) for one in results]})
    else:
        _print(results, dry_run=dry_run)
    raise typer.Exit(1 if event and results[0].status == NOT_POSSIBLE else 0)


def release(
    enrollment: Annotated[str, typer.Argument(help="The id of a parked enrollment (enr_...).")],
    *,
    as_rules_now: Annotated[
        bool, typer.Option("--as-rules-now", help="Decide its event again, by the rules in force, and go on with that.")
    ] = False,
    because: Annotated[str, typer.Option(help="Why you do it, for the audit log.")] = "",
    practice: Practice = False,
    env_file: EnvFile = None,
) -> None:
    """Release a parked enrollment: its cause is solved, and it is tried again. Exit 1 where it is not parked."""
    from app.cli.redecider import release_one
    from app.cli.session import run_session

    environment = environment_of(env_file)
    said, done = run_session(release_one(environment, enrollment, as_rules_now, because or None, practice=practice))
    typer.echo(said, err=not done)
    raise typer.Exit(0 if done else 1)


def example(
    event: Annotated[str, typer.Argument(help="The id of a stored event (evt_...).")],
    *,
    practice: Practice = False,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Print a stored event as an example for the rules file, without its person. Exit 1 where it can be none."""
    from app.cli.redecider import example_from
    from app.cli.session import run_session

    made = run_session(example_from(environment_of(env_file), event, practice=practice))
    if as_json:
        print_json(asdict(made))
    elif made.text:
        typer.echo(f"# Below `examples:` of {made.rule}, which begins on line {made.line}.\n{made.text}", nl=False)
    else:
        typer.echo(f"no example can be made of {event}: {made.why_not}", err=True)
    raise typer.Exit(0 if made.text else 1)


def moment_of(text: str, option: str) -> datetime:
    """Return the time that an option names; without a zone it is in UTC. Raises StartError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise StartError(f"{option}: {text!r} is no time such as 2026-11-23 or 2026-11-23T08:00Z") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _print(results: list[DecidedAgain], *, dry_run: bool) -> None:
    for result in results:
        for line in _lines(result):
            typer.echo(f"{result.event_id}  {result.before} -> {line}")
        for detail in _details(result) if len(results) == 1 else []:
            typer.echo(f"  {detail}")
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counted(results).items() if count)
    events = f"{len(results)} event{'' if len(results) == 1 else 's'}"
    typer.echo(f"{events}{': ' if counts else ''}{counts}{' (nothing was written)' if dry_run else ''}")


def _details(result: DecidedAgain) -> list[str]:
    """Return why conditions did not hold. Of one event, for there may be personal data in it; `--json` has all."""
    return [detail for decision in result.decisions for detail in decision.details]


def _lines(result: DecidedAgain) -> list[str]:
    """Return what an event comes to now, a line for each decision."""
    if result.detail is not None:
        return [f"{result.status.replace('_', ' ')}: {result.detail}"]
    return [f"{one.verdict}: {one.reason}{f' ({one.rule})' if one.rule else ''}" for one in result.decisions]
