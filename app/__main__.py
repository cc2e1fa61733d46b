"""The command line: `segue`, or `python -m app`."""

from __future__ import annotations

import sys

import typer

from app.cli import backup, doctor, hubspot, rules, send_sample, sources
from app.cli import run as service
from app.errors import SegueError, StartError
from app.observability import logs


def build() -> typer.Typer:
    """Return the whole command line."""
    app = typer.Typer(
        name="segue",
        help="Webhooks in, HubSpot sequence enrollments out.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    service.register(app)
    rules.register(app)
    sources.register(app)
    app.command()(send_sample.send_sample)
    hubspot.register(app)
    backup.register(app)
    app.command()(doctor.doctor)
    return app


def main() -> None:
    """Run one command; an expected error is one message on stderr and an exit code, never a traceback."""
    # A script may read what a command prints, so logs go to stderr unless a service configures them otherwise.
    logs.configure(form="auto", level="error", stream=sys.stderr)
    try:
        build()()
    except SegueError as error:
        sys.stderr.write(f"segue: {error}\n")
        sys.exit(error.exit_code if isinstance(error, StartError) else 2)


if __name__ == "__main__":
    main()
