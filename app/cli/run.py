"""`serve`, `worker`, `migrate`, `sandbox`, `demo`: the commands that run something."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import uvloop

from app import main
from app.cli.demo import run as run_demo
from app.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Coroutine


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    for command in (serve, worker, migrate, sandbox, demo):
        app.command()(command)


def serve(
    *,
    with_sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Practise: enroll into a built-in HubSpot emulator, never the real one.")
    ] = False,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Receive only; `segue worker` processes enroll.")
    ] = False,
) -> None:
    """Receive webhooks and enroll."""
    settings = load_settings(os.environ)
    _run(main.serve(settings, os.environ, with_worker=not no_worker, with_sandbox=with_sandbox))


def worker() -> None:
    """Enroll only, beside any number of `serve --no-worker` and other workers."""
    settings = load_settings(os.environ)
    _run(main.work(settings, os.environ))


def migrate() -> None:
    """Bring the database up to date (serve does this by itself)."""
    settings = load_settings(os.environ)
    _run(main.migrate_only(settings))


def sandbox(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 chooses a free one.")] = 8081,
) -> None:
    """Run the HubSpot emulator alone: the routes, shapes, limits and refusals of the real one."""
    os.execv(sys.executable, [sys.executable, "-m", "app.sandbox", "--host", host, "--port", str(port)])  # noqa: S606  # our own interpreter, no shell


def demo(
    *,
    stay: Annotated[
        bool | None, typer.Option("--stay/--no-stay", help="Stay up afterwards (default: on a terminal).")
    ] = None,
    rules: Annotated[Path | None, typer.Option(help="Another rules file than the example.")] = None,
) -> None:
    """Show the whole road in under a minute: service, sandbox, signed events, and a table of what became of them."""
    raise typer.Exit(run_demo(stay=stay, rules=rules))


def _run(coroutine: Coroutine[None, None, None]) -> None:
    uvloop.run(coroutine)
