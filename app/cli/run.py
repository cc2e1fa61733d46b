"""`serve`, `worker`, `migrate`, `sandbox`, `demo`: the commands that run something."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import uvloop

from app.cli.without_rich import without_rich
from app.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from app.database.embedded import EmbeddedPostgres
    from app.settings import Settings


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
    settings = load_settings(os.environ)
    with _opening(settings, practice=with_sandbox) as opened:
        with without_rich():
            from app.main import serve as run
        run(settings, os.environ, opened, processes=processes, with_worker=not no_worker, with_sandbox=with_sandbox)


def worker() -> None:
    """Enroll only, beside any number of `serve --no-worker` and other workers."""
    settings = load_settings(os.environ)
    with without_rich():
        from app.main import work
    _open_log(settings)
    uvloop.run(work(settings, os.environ))


def migrate(
    *,
    to: Annotated[
        str | None, typer.Option(help="Take the database back to this migration or release, while no Segue runs.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="With --to: do not ask.")] = False,
) -> None:
    """Bring the database up to date (serve does this by itself), or back to an earlier version."""
    settings = load_settings(os.environ)
    if to is not None:
        from app.cli.migrate_back import migrate_back

        migrate_back(settings, to, agreed=yes)
        return
    with _opening(settings, practice=False) as opened:
        with without_rich():
            from app.main import migrate_only
        migrate_only(settings, opened)


def _opening(settings: Settings, *, practice: bool) -> AbstractContextManager[Callable[[], EmbeddedPostgres | None]]:
    """Open the log, and the private database while the command is imported."""
    with without_rich():
        from app.database.embedded.wiring import opening

        _open_log(settings)
    return opening(settings, practice=practice)


def _open_log(settings: Settings) -> None:
    from app.observability import logs

    logs.configure(form=settings.log_format, level=settings.log_level)


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
