"""Migrations: one process at a time applies them, and all processes check the result."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from app.database.engine import open_engine
from app.errors import StartError

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

# Any fixed number works, as long as every replica uses the same one.
MIGRATION_LOCK = 7_305_781_920_443
MIGRATION_IDLE_SECONDS = 60.0
VERSION_TABLE = "alembic_version"


def configuration() -> Config:
    """Return Alembic's configuration; the migrations are in the folder beside this module."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def head() -> str:
    """Return the revision that this version of Segue requires."""
    revision = ScriptDirectory.from_config(configuration()).get_current_head()
    if revision is None:
        raise StartError("the installation holds no migrations: install Segue again")
    return revision


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


async def current_revision(connection: AsyncConnection) -> str | None:
    """Return the revision of the database, None when it has none."""
    return await connection.run_sync(_current)


def knows(revision: str) -> bool:
    """Tell whether this version of Segue has this migration."""
    return any(revision == script.revision for script in ScriptDirectory.from_config(configuration()).walk_revisions())


def _upgrade(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
    current = _current(connection)
    if current is not None and not knows(current):
        raise StartError(
            f"the database is at migration {current}, which this version of Segue does not know: "
            "a newer version has migrated it; run that version, or restore a backup into an empty database",
        )
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


async def migrate(url: URL) -> str:
    """Apply all migrations to the database at `url`, in one transaction; return its revision.

    An advisory lock makes replicas that start together wait for one another. Raises StartError when a newer version of
    Segue has migrated the database.
    """
    # A step of a migration may take longer than any other statement.
    engine = open_engine(url, pool_size=1, command_timeout=None, idle_seconds=MIGRATION_IDLE_SECONDS)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()
    return head()


async def require_migrated(engine: AsyncEngine) -> None:
    """Raise StartError unless the database is at the revision that this version requires."""
    async with engine.connect() as connection:
        current = await current_revision(connection)
    if current != head():
        raise StartError(
            f"the database is at migration {current or 'none'}, this version of Segue needs {head()}: "
            "run `segue migrate` (or start `segue serve`, which does)",
        )
