"""Migrations: one process at a time applies them, and all processes check the result.

A newer version may have migrated the database: it says with it which versions go on working on its tables. They do so
until they are replaced, and migrate nothing.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import text

from app.database.engine import open_engine
from app.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlalchemy import URL
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    Note = Callable[..., Awaitable[None]]

# Any fixed number works, as long as every replica uses the same one.
MIGRATION_LOCK = 7_305_781_920_443
MIGRATION_IDLE_SECONDS = 60.0
VERSION_TABLE = "alembic_version"
# Versions of Segue from this revision on work on the tables of this one. A migration that takes something away raises
# it, to the revision of the release before, and never beyond: replicas of that one still work while they are replaced.
WORKS_WITH = "0033"

LOCK_MIGRATIONS = text("SELECT pg_advisory_xact_lock(:lock)")
IS_MIGRATED = text(f"SELECT to_regclass('{VERSION_TABLE}') IS NOT NULL")
READ_REVISION = text(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608  # the name is ours
READ_WORKS_WITH = text("SELECT convert_from(value, 'UTF8') FROM installation WHERE name = 'works_with'")
WRITE_WORKS_WITH = text("""
    INSERT INTO installation (name, value) VALUES ('works_with', convert_to(:revision, 'UTF8'))
    ON CONFLICT (name) DO UPDATE SET value = excluded.value
""")

log = structlog.get_logger(__name__)


@cache
def _revisions() -> tuple[str, ...]:
    """Return the revisions of this version of Segue, in their order: the name of a migration's file begins with it."""
    files = (Path(__file__).parent / "migrations" / "versions").glob("[0-9]*_*.py")
    return tuple(sorted(file.name.partition("_")[0] for file in files))


def head() -> str:
    """Return the revision that this version of Segue requires."""
    if not _revisions():
        raise StartError("the installation holds no migrations: install Segue again")
    return _revisions()[-1]


def knows(revision: str) -> bool:
    """Tell whether this version of Segue has this migration."""
    return revision in _revisions()


async def current_revision(connection: AsyncConnection) -> str | None:
    """Return the revision of the database, None when it has none."""
    if not (await connection.execute(IS_MIGRATED)).scalar_one():
        return None
    revision: str | None = (await connection.execute(READ_REVISION)).scalar_one_or_none()
    return revision


async def migrate(url: URL, note: Note | None = None) -> str:
    """Apply all migrations to the database at `url`, in one transaction; return its revision.

    `note` writes down in that transaction what is changed: from which revision to which, for the audit log.
    An advisory lock makes replicas that start together wait for one another. A database that a newer version has
    migrated stays as it is. Raises StartError where this version does not work on it.
    """
    # A step of a migration may take longer than any other statement.
    engine = open_engine(url, pool_size=1, command_timeout=None, idle_seconds=MIGRATION_IDLE_SECONDS)
    try:
        async with engine.begin() as connection:
            # Also where nothing is to be done: a restore holds the lock while it replaces the tables.
            await connection.execute(LOCK_MIGRATIONS, {"lock": MIGRATION_LOCK})
            current = await current_revision(connection)
            if current is not None and not knows(current):
                await _require_works_with(connection, current)
                return current
            if current != head():
                from app.database.upgrade import upgrade  # noqa: PLC0415  # it imports Alembic

                await connection.run_sync(upgrade)
                await connection.execute(WRITE_WORKS_WITH, {"revision": WORKS_WITH})
                if note is not None:
                    await note(connection, before={"migration": current}, after={"migration": head()})
    finally:
        await engine.dispose()
    return head()


async def _require_works_with(connection: AsyncConnection, current: str) -> None:
    """Raise StartError unless the newer version that made revision `current` says that this version works with it."""
    oldest = (await connection.execute(READ_WORKS_WITH)).scalar_one_or_none()
    if oldest is None or oldest > head():
        raise StartError(
            f"the database is at migration {current}, which this version of Segue does not know: a newer version has "
            f"migrated it, and works with versions from migration {oldest or current} on; run that version, or take "
            f"the database back with it, `segue migrate --to {head()}` (docs/upgrading.md)",
        )
    log.warning("database.newer", revision=current, own=head())


async def require_migrated(engine: AsyncEngine) -> None:
    """Raise StartError unless this version works on the database: it is at its revision, or at a newer one."""
    async with engine.connect() as connection:
        current = await current_revision(connection)
        if current is not None and not knows(current):
            await _require_works_with(connection, current)
            return
    if current != head():
        raise StartError(
            f"the database is at migration {current or 'none'}, this version of Segue needs {head()}: "
            "run `segue migrate` (or start `segue serve`, which does)",
        )
