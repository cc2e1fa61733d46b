"""What a database holds of Segue: its tables, its migration, and the sessions of running services."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from app.database.migrate import VERSION_TABLE, current_revision, knows
from app.database.schema import metadata, oauth_grant_versions
from app.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

# A database that other programs share has other tables, too: a backup leaves them out, and a restore leaves them alone.
TABLES = frozenset({*metadata.tables, VERSION_TABLE})
SEQUENCES = frozenset({oauth_grant_versions.name})
# The tables since the first migration: a database or a file without one of them is not Segue's.
CORE = frozenset({VERSION_TABLE, "deliveries", "events", "decisions", "enrollments"})

# The migrations fill these: with rows here alone a database counts as empty.
MIGRATED = frozenset({VERSION_TABLE, "installation", "audit"})

FOUND = text("""
    SELECT relname, relnamespace::regnamespace::text || '.' || quote_ident(relname) FROM pg_class
    WHERE relname = ANY(:names) AND relkind IN ('r', 'p', 'S') AND pg_table_is_visible(oid)
    ORDER BY relname
""")
# Segue's sessions are known by `application_name`, as where its stuck sessions are terminated.
SESSIONS = text("""
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = current_setting('application_name')
      AND pid <> pg_backend_pid()
""")


@dataclass(frozen=True, slots=True)
class Contents:
    """What a database holds. `relations` are Segue's tables and sequences, each with its name as SQL writes it.

    `server` is PostgreSQL's major version, `schema` the one in which new tables are made, `used` whether a table has
    a row that no migration has made, `sessions` the number of Segue's other sessions.
    """

    server: int
    schema: str | None
    revision: str | None
    relations: Mapping[str, str]
    used: bool
    sessions: int


async def read_contents(engine: AsyncEngine, *, rows: bool) -> Contents:
    """Return what the database holds; `rows` looks for rows, too. Raises SQLAlchemyError and OSError."""
    async with engine.connect() as connection:
        server = int((await connection.execute(text("SHOW server_version_num"))).scalar_one()) // 10000
        schema = (await connection.execute(text("SELECT current_schema()"))).scalar_one()
        found = await connection.execute(FOUND, {"names": [*TABLES, *SEQUENCES]})
        relations = {str(name): str(qualified) for name, qualified in found}
        sessions = (await connection.execute(SESSIONS)).scalar_one()
        used = rows and await _used(connection, relations)
        revision = await current_revision(connection) if VERSION_TABLE in relations else None
    return Contents(server, schema, revision, relations, used, sessions)


def require_savable(contents: Contents, place: str) -> None:
    """Raise StartError unless the database holds all of Segue's tables. `place` stands for it in messages."""
    if not contents.relations.keys() >= CORE or contents.revision is None:
        raise StartError(
            f"{place} holds no tables of Segue, so there is nothing to back up and nothing was written; check "
            "SEGUE_DATABASE_URL and SEGUE_DATA_DIR, which must be those of the service",
        )
    if not knows(contents.revision):
        raise StartError(f"{place} {newer(contents.revision)}; back it up with that version")


def require_replaceable(contents: Contents, place: str, *, replace: bool) -> None:
    """Raise StartError where a backup must not replace what the database holds."""
    if contents.sessions:
        raise StartError(
            f"Segue works on {place} ({contents.sessions} sessions): stop every `serve` and `worker`, then restore",
        )
    if contents.revision is not None and not knows(contents.revision):
        raise StartError(f"{place} {newer(contents.revision)}; restore with that version, or into an empty database")
    if contents.used and not replace:
        raise StartError(
            f"{place} holds data of Segue, and nothing was changed: restore into an empty database, or delete what it "
            "holds with --replace (back it up first)",
        )


def newer(revision: str) -> str:
    """Return the end of a message about something that a newer version of Segue has made."""
    return f"is at migration {revision}, which this version of Segue does not know: a newer version has made it"


async def _used(connection: AsyncConnection, relations: Mapping[str, str]) -> bool:
    tables = [qualified for name, qualified in relations.items() if name in TABLES - MIGRATED]
    if not tables:
        return False
    holding = " OR ".join(f"EXISTS (SELECT FROM {table})" for table in tables)
    return bool((await connection.exec_driver_sql(f"SELECT {holding}")).scalar_one())
