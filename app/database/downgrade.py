"""Take the database back to an earlier migration: say what is lost, then do it, in one transaction."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from sqlalchemy import text

from app.database.backup.contents import SESSIONS
from app.database.engine import open_engine
from app.database.migrate import MIGRATION_IDLE_SECONDS, MIGRATION_LOCK, current_revision, head, knows
from app.database.upgrade import downgrade
from app.errors import StartError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from sqlalchemy import URL
    from sqlalchemy.ext.asyncio import AsyncConnection

RELEASES = Path(__file__).with_name("releases.json")
TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(:lock)")
READ_COLUMNS = text("""
    SELECT table_name, column_name, COALESCE(column_default, 'NULL') FROM information_schema.columns
    WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position
""")

Columns = dict[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class Loss:
    """A table, or a column of a table that stays, which is lost, and how many rows have something in it."""

    name: str
    rows: int

    def __str__(self) -> str:
        """Return the loss as a line."""
        return f"{self.name}: {self.rows:,} rows"


def releases() -> Mapping[str, str]:
    """Return the last migration of each release, the oldest first."""
    found: dict[str, str] = orjson.loads(RELEASES.read_bytes())
    return found


def revision_of(wanted: str) -> str:
    """Return the revision that `wanted`, a revision or a release, means. Raises StartError."""
    known = releases()
    revision = known.get(wanted.removeprefix("v"), wanted)
    if not knows(revision):
        raise StartError(
            f"{wanted} is no migration and no release of this version of Segue; the releases are {', '.join(known)}, "
            f"and the migration of this version is {head()}",
        )
    return revision


async def find_losses(url: str | URL, revision: str) -> list[Loss]:
    """Return what is lost when the database goes back to `revision`; nothing changes. Raises StartError."""
    async with _at_rest(url, revision) as connection:
        before = await _columns(connection)
        trial = await connection.begin_nested()
        await connection.run_sync(downgrade, revision)
        after = await _columns(connection)
        await trial.rollback()
        lost = {key: default for key, default in before.items() if key not in after}
        gone = {table for table, _ in before} - {table for table, _ in after}
        losses = [await _loss(connection, table, "true", table) for table in sorted(gone)]
        for (table, column), default in lost.items():
            if table not in gone:
                used = f'"{column}" IS DISTINCT FROM {default}'
                losses.append(await _loss(connection, table, used, f"{table}.{column}"))
        await connection.rollback()
    return losses


async def go_back(url: str | URL, revision: str) -> None:
    """Take the database back to `revision`. Raises StartError."""
    async with _at_rest(url, revision) as connection:
        await connection.run_sync(downgrade, revision)
        await connection.commit()


@asynccontextmanager
async def _at_rest(url: str | URL, revision: str) -> AsyncIterator[AsyncConnection]:
    """Yield a connection with a transaction, while no Segue works on the database. Raises StartError."""
    engine = open_engine(url, pool_size=1, command_timeout=None, idle_seconds=MIGRATION_IDLE_SECONDS)
    try:
        async with engine.connect() as connection:
            locked = (await connection.execute(TRY_LOCK, {"lock": MIGRATION_LOCK})).scalar_one()
            sessions = (await connection.execute(SESSIONS)).scalar_one()
            if sessions or not locked:
                working = f"{sessions} sessions" if sessions else "it migrates or restores it"
                raise StartError(f"Segue works on the database ({working}): stop every `serve` and `worker` first")
            current = await current_revision(connection)
            if current is None or not knows(current):
                raise StartError(
                    f"the database is at migration {current or 'none'}, which this version of Segue does not know: "
                    "only the version that made it can take it back",
                )
            if current < revision:
                raise StartError(
                    f"the database is at migration {current}, before {revision}: `segue migrate` without --to goes on",
                )
            yield connection
    finally:
        await engine.dispose()


async def _columns(connection: AsyncConnection) -> Columns:
    """Return the default of each column, by table and column."""
    return {(table, column): default for table, column, default in await connection.execute(READ_COLUMNS)}


async def _loss(connection: AsyncConnection, table: str, used: str, name: str) -> Loss:
    """Count the rows of a table for which the condition `used` holds."""
    counted = await connection.execute(text(f'SELECT count(*) FROM "{table}" WHERE {used}'))  # noqa: S608  # ours
    return Loss(name, int(counted.scalar_one()))
