"""Migrations: one process at a time applies them, and all processes check the result."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text

from app.database.engine import open_engine
from app.errors import StartError

if TYPE_CHECKING:
    from sqlalchemy import URL
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

# Any fixed number works, as long as every replica uses the same one.
MIGRATION_LOCK = 7_305_781_920_443
MIGRATION_IDLE_SECONDS = 60.0
VERSION_TABLE = "alembic_version"

LOCK_MIGRATIONS = text("SELECT pg_advisory_xact_lock(:lock)")
IS_MIGRATED = text(f"SELECT to_regclass('{VERSION_TABLE}') IS NOT NULL")
READ_REVISION = text(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608  # the name is ours


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


async def migrate(url: URL) -> str:
    """Apply all migrations to the database at `url`, in one transaction; return its revision.

    An advisory lock makes replicas that start together wait for one another. Raises StartError when a newer version of
    Segue has migrated the database.
    """
    # A step of a migration may take longer than any other statement.
    engine = open_engine(url, pool_size=1, command_timeout=None, idle_seconds=MIGRATION_IDLE_SECONDS)
    try:
        async with engine.begin() as connection:
            # Also where nothing is to be done: a restore holds the lock while it replaces the tables.
            await connection.execute(LOCK_MIGRATIONS, {"lock": MIGRATION_LOCK})
            if (current := await current_revision(connection)) != head():
                await _upgrade(connection, current)
    finally:
        await engine.dispose()
    return head()


async def _upgrade(connection: AsyncConnection, current: str | None) -> None:
    if current is not None and not knows(current):
        raise StartError(
            f"the database is at migration {current}, which this version of Segue does not know: "
            "a newer version has migrated it; run that version, or restore a backup into an empty database",
        )
    from app.database.upgrade import upgrade  # noqa: PLC0415  # it imports Alembic

    await connection.run_sync(upgrade)


async def require_migrated(engine: AsyncEngine) -> None:
    """Raise StartError unless the database is at the revision that this version requires."""
    async with engine.connect() as connection:
        current = await current_revision(connection)
    if current != head():
        raise StartError(
            f"the database is at migration {current or 'none'}, this version of Segue needs {head()}: "
            "run `segue migrate` (or start `segue serve`, which does)",
        )
