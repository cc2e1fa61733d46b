"""`segue migrate --to`: back to the tables of an earlier version, after saying what is lost."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer
import uvloop

from app.cli.database_backup import note, opened, place_of, require_database
from app.database.downgrade import find_losses, go_back, revision_of
from app.errors import StartError

if TYPE_CHECKING:
    from app.settings import Settings


def migrate_back(settings: Settings, wanted: str, *, agreed: bool) -> None:
    """Take the database back to the migration or release `wanted`. Raises StartError, and Exit where it stays."""
    revision, place = revision_of(wanted), place_of(settings)
    require_database(settings)
    with opened(settings) as url:
        for loss in uvloop.run(find_losses(url, revision)):
            typer.echo(f"lost: {loss}")
        if not agreed:
            _ask(place, revision)
        uvloop.run(go_back(url, revision))
        uvloop.run(note(url, "migrate", {"revision": revision}))
    typer.echo(f"{place} is at migration {revision}: start the version of Segue that made it")


def _ask(place: str, revision: str) -> None:
    if not sys.stdin.isatty():
        raise StartError("it takes away what the lines above name: say so with --yes")
    if not typer.confirm(f"Take {place} back to migration {revision}?"):
        raise typer.Exit(1)
