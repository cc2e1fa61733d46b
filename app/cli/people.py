"""`forget`, `export-person`: one person's data, erased or shown."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.decide import Practice
from app.cli.rules_file import AsJson, EnvFile, environment_of, print_json
from app.errors import StartError

if TYPE_CHECKING:
    from app.people.forget import Plan
    from app.people.forget_store import Forgetting

PRIVATE = 0o600
UNFINISHED = 1
Email = Annotated[str, typer.Argument(help="The person's address.")]


def forget(
    email: Email,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Erase; without it nothing is changed.")] = False,
    lift: Annotated[
        bool, typer.Option("--lift", help="Let a person who has come back on purpose be enrolled again.")
    ] = False,
    practice: Practice = False,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Erase a person everywhere and enroll them no more; first without --yes, to see what that would do.

    Exit 1 while something is still on its way to HubSpot: a running service then does the rest.
    """
    environment = environment_of(env_file)
    from app.cli.people_at_work import forget_person, lift_person
    from app.cli.session import run_session

    if lift:
        lifted = run_session(lift_person(environment, email, practice=practice))
        typer.echo("this person may be enrolled again" if lifted else "this person was not forgotten")
        return
    plan, forgetting = run_session(forget_person(environment, email, yes=yes, practice=practice))
    if as_json:
        print_json(_as_json(plan, forgetting))
    else:
        _print(plan, forgetting)
    raise typer.Exit(UNFINISHED if forgetting is not None and forgetting.done_at is None else 0)


def export_person(
    email: Email,
    *,
    output: Annotated[Path | None, typer.Option("--output", help="A new file, which only you may read.")] = None,
    practice: Practice = False,
    env_file: EnvFile = None,
) -> None:
    """Print all that is kept of a person, as JSON. Rows of others that mention the address are among it."""
    environment = environment_of(env_file)
    from app.cli.people_at_work import exported
    from app.cli.session import run_session

    written = run_session(exported(environment, email, practice=practice)) + b"\n"
    if output is None:
        sys.stdout.buffer.write(written)
        return
    try:
        file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    except OSError as error:
        raise StartError(f"--output: cannot write {output}: {error.strerror}") from error
    with os.fdopen(file, "wb") as opened:
        opened.write(written)


def _as_json(plan: Plan, forgetting: Forgetting | None) -> dict[str, Any]:
    return {
        "dry_run": forgetting is None,
        "emails": plan.emails,
        "contacts": plan.contacts,
        "counts": dict(plan.counts if forgetting is None else forgetting.counts),
        "endpoints": plan.endpoints,
        "forgetting_id": forgetting.id if forgetting else None,
        "done": forgetting is not None and forgetting.done_at is not None,
    }


def _print(plan: Plan, forgetting: Forgetting | None) -> None:
    for email in plan.emails:
        typer.echo(f"address  {email}")
    for account, contact in plan.contacts:
        typer.echo(f"contact  {contact} in {account}")
    for name, count in (plan.counts if forgetting is None else forgetting.counts).items():
        typer.echo(f"{count:>7}  {name.replace('_', ' ')}")
    if plan.endpoints:
        typer.echo(f"notified: {', '.join(plan.endpoints)}")
    if forgetting is None:
        typer.echo("nothing was changed: repeat it with --yes to erase this")
    elif forgetting.done_at is None:
        typer.echo(f"{forgetting.id}: something is still on its way; a running service does the rest")
    else:
        typer.echo(f"{forgetting.id}: forgotten")
