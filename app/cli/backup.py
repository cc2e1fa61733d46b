"""`segue backup` and `segue restore`: all that Segue keeps, in one file and back."""

from __future__ import annotations

import signal
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from app.cli.rules_file import EnvFile, environment_of
from app.settings import load_settings

STANDARD = Path("-")
AFTERWARDS = (
    "it has no record of what happened since: HubSpot is read before anything is sent, and what it does not tell is "
    "parked. Suppressions and pauses that were made since must be made again: see 'After a restore' in "
    "docs/operating.md"
)


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; `-` for standard output.")],
    *,
    env_file: EnvFile = None,
) -> None:
    """Write all that Segue keeps to one file, at one moment, while Segue runs or not. It holds people's data."""
    from app.cli.database_backup import back_up

    _end_tidily()
    environment = environment_of(env_file)
    target = None if file == STANDARD else file
    typer.echo(back_up(load_settings(environment), environment, target), err=target is None)


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `segue backup` wrote; `-` for standard input.")],
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="Delete what the database holds of Segue, where it holds any.")
    ] = False,
    env_file: EnvFile = None,
) -> None:
    """Put a backup into the database, wholly or not at all; Segue must not run. Restore only files that you trust."""
    from app.cli.database_backup import put_back

    _end_tidily()
    environment = environment_of(env_file)
    source = None if file == STANDARD else file
    typer.echo(put_back(load_settings(environment), environment, source, replace=replace))
    typer.echo(AFTERWARDS)


def mark_restored(
    as_of: Annotated[
        datetime,
        typer.Argument(formats=["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"], help="As of when, like 2026-03-01T04:30Z."),
    ],
    *,
    env_file: EnvFile = None,
) -> None:
    """Say that the database was restored by other means (a snapshot of its volume, say), before Segue starts."""
    from app.cli.database_backup import mark_restored as mark

    environment = environment_of(env_file)
    typer.echo(mark(load_settings(environment), as_of))
    typer.echo(AFTERWARDS)


def mark_moved(*, env_file: EnvFile = None) -> None:
    """Say that the database was moved, and that no Segue has run since the copy was made, before Segue starts."""
    from app.cli.database_backup import mark_moved as mark

    environment = environment_of(env_file)
    typer.echo(mark(load_settings(environment)))


def _end_tidily() -> None:
    """Let SIGTERM end the command as Ctrl-C does: what is half-written is removed, what was started is stopped."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
