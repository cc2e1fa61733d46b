"""`serve`, `worker`, `migrate`, `sandbox`, `demo`: the commands that run something."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from app.settings import load_settings


def serve(
    *,
    with_sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Practise: enroll into a built-in HubSpot emulator, never the real one.")
    ] = False,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Receive only; `segue worker` processes enroll.")
    ] = False,
    processes: Annotated[int, typer.Option(min=1, max=64, help="How many processes receive; they share the port.")] = 1,
) -> None:
    """Receive webhooks and enroll, in processes of their own."""
    from app.main import serve as run

    settings = load_settings(os.environ)
    run(settings, os.environ, processes=processes, with_worker=not no_worker, with_sandbox=with_sandbox)


def worker() -> None:
    """Enroll only, beside any number of `serve --no-worker` and other workers."""
    from app.main import work

    uvloop.run(work(load_settings(os.environ), os.environ))


def migrate() -> None:
    """Bring the database up to date (serve does this by itself)."""
    from app.main import migrate_only

    migrate_only(load_settings(os.environ))


def sandbox(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 chooses a free one.")] = 8081,
) -> None:
    """Run the HubSpot emulator alone: the routes, shapes, limits and refusals of the real one."""
    # `-m` looks for `app` in the current folder first, which may be that of another program.
    os.chdir(Path(__file__).parents[2])
    os.execv(sys.executable, [sys.executable, "-m", "app.sandbox", "--host", host, "--port", str(port)])  # noqa: S606  # our own interpreter, no shell


def demo(
    *,
    stay: Annotated[
        bool | None, typer.Option("--stay/--no-stay", help="Stay up afterwards (default: on a terminal).")
    ] = None,
    rules: Annotated[Path | None, typer.Option(help="Another rules file than the example.")] = None,
) -> None:
    """Show the whole road in under a minute: service, sandbox, signed events, and a table of what became of them."""
    from app.cli.demo import run

    raise typer.Exit(run(stay=stay, rules=rules))
