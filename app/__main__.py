"""The command line: `segue`, or `python -m app`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from app import __version__
from app.cli.commands import HubSpotGroup, JobsGroup, LazyGroup
from app.errors import SegueError, StartError


def build() -> typer.Typer:
    """Return the whole command line."""
    app = typer.Typer(
        cls=LazyGroup,
        help="Webhooks in, HubSpot sequence enrollments out.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    app.callback()(_options)
    groups: dict[str, tuple[type[LazyGroup], str]] = {
        "hubspot": (HubSpotGroup, "HubSpot accounts: what there is, and those that join by OAuth."),
        "jobs": (JobsGroup, "Many enrollments at once: release, cancel, send again; each first shown."),
    }
    for name, (listed, said) in groups.items():
        group = typer.Typer(cls=listed, help=said, no_args_is_help=True)
        group.callback()(_no_options)
        app.add_typer(group, name=name)
    return app


def _print_version(*, asked: bool) -> None:
    if asked:
        typer.echo(f"segue {__version__}")
        raise typer.Exit


def _options(
    *, version: Annotated[bool, typer.Option("--version", help="Print the version.", callback=_print_version)] = False
) -> None:
    """Have the options of `segue` itself, all of which end it."""


def _no_options() -> None:
    """Stand for the options of a group that has none: Typer asks for them where it knows no command."""


def _open_log(level: str) -> None:
    """Log to stderr, for a script may read what a command prints. Commands that log nothing start without."""
    from app.observability import logs  # noqa: PLC0415  # structlog takes a third of the time that a start may take

    logs.configure(form="auto", level=level, stream=sys.stderr)


def main() -> None:
    """Run one command; an expected error is one message on stderr and an exit code, never a traceback."""
    try:
        build()(obj=_open_log)
    except SegueError as error:
        sys.stderr.write(f"segue: {error}\n")
        sys.exit(error.exit_code if isinstance(error, StartError) else 2)


if __name__ == "__main__":
    main()
