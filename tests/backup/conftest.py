"""Databases with rows in every table of Segue, and what tests compare of them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import ARRAY, Boolean, DateTime, Double, Integer, LargeBinary, insert, make_url, text
from sqlalchemy.dialects.postgresql import JSONB

from app.database.backup.programs import newest_programs
from app.database.engine import open_engine
from app.database.migrate import migrate
from app.database.schema import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.types import TypeEngine

ROOT = Path(__file__).parents[2]
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
ROWS = 3
RELATIONS = """
    SELECT relname || ' ' || relkind::text FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S', 'i') ORDER BY 1
"""
# What `segue restore` adds.
LEFT_OUT = {"installation": " WHERE name <> 'restored'", "audit": " WHERE what <> 'segue restore'"}
READ = {
    "r": "SELECT count(*), md5(string_agg(t::text, '' ORDER BY t::text)) FROM {} t",
    "S": "SELECT last_value FROM {}",
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path, as a socket's must be, that the server's user may pass."""
    with tempfile.TemporaryDirectory(prefix="sg-", dir="/tmp", ignore_cleanup_errors=True) as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture
def filled(database_url: str) -> str:
    """The URL of a database with rows in every table."""
    fill(database_url)
    return database_url


def as_written(url: str) -> str:
    """Return a database's URL as an operator writes it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def started(*arguments: str | Path, limit: str = "unlimited", **environment: str) -> subprocess.Popen[str]:
    """Start a command of Segue; `limit` is the size of a file that it may write, in blocks of 512 bytes."""
    limited = ["/bin/sh", "-c", f'ulimit -f {limit}; exec "$@"', "sh"]
    return subprocess.Popen(
        [*limited, sys.executable, "-m", "app", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"} | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def segue(*arguments: str | Path, limit: str = "unlimited", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of Segue; what goes wrong is one message, never a traceback."""
    process = started(*arguments, limit=limit, **environment)
    said, complained = process.communicate()
    assert "Traceback" not in complained, complained
    return subprocess.CompletedProcess(process.args, process.returncode, said, complained)


def fill(url: str) -> None:
    """Migrate the database, and put rows into every table of Segue."""

    async def filling() -> None:
        await migrate(make_url(url))
        engine = open_engine(url, pool_size=1)
        async with engine.begin() as connection:
            for table in metadata.tables.values():
                columns = [column for column in table.columns if column.identity is None]
                rows = [{one.name: _value(one.type, one.name, number) for one in columns} for number in range(ROWS)]
                await connection.execute(insert(table), rows)
            await connection.execute(text("SELECT nextval('oauth_grant_versions')"))
        await engine.dispose()

    asyncio.run(filling())


def held(url: str) -> dict[str, Any]:
    """Return each table's number of rows and their digest, the sequences' values, and the names of all relations."""

    async def reading() -> dict[str, Any]:
        engine = open_engine(url, pool_size=1)
        async with engine.connect() as connection:
            names = (await connection.execute(text(RELATIONS))).scalars().all()
            found: dict[str, Any] = {"relations": list(names)}
            for name, kind in (name.split() for name in names):
                if kind in READ:
                    query = READ[kind].format(name) + LEFT_OUT.get(name, "")
                    found[name] = tuple((await connection.execute(text(query))).one())
        await engine.dispose()
        return found

    return asyncio.run(reading())


def counted(found: dict[str, Any]) -> dict[str, int]:
    """Return the number of rows of each table."""
    return {name: value[0] for name, value in found.items() if len(value) == len(("count", "digest"))}


def execute(url: str, *statements: str) -> None:
    """Execute statements, each by itself."""

    async def executing() -> None:
        engine = open_engine(url, pool_size=1)
        async with engine.connect() as connection:
            plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
            for statement in statements:
                await plain.execute(text(statement))
        await engine.dispose()

    asyncio.run(executing())


def rows_of(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Return what a statement finds."""

    async def reading() -> list[tuple[Any, ...]]:
        engine = open_engine(url, pool_size=1)
        async with engine.connect() as connection:
            found = [tuple(row) for row in await connection.execute(text(statement))]
        await engine.dispose()
        return found

    return asyncio.run(reading())


def pg_dump(url: str, *options: str) -> bytes:
    """Return what PostgreSQL's own program says of a database."""
    command: list[str | Path] = [newest_programs().folder / "pg_dump", "--dbname", as_written(url), *options]
    return subprocess.run(command, capture_output=True, check=True).stdout


def _value(kind: TypeEngine[Any], name: str, number: int) -> Any:
    if isinstance(kind, ARRAY):
        return [_value(kind.item_type, name, number), _value(kind.item_type, name, number + 1)]
    kinds = {
        Boolean: True,
        Integer: number,
        Double: number + 0.5,
        DateTime: NOON,
        LargeBinary: bytes([number, 0, 255]),
        JSONB: {"number": number, "text": "ä\t\n\\"},
    }
    found = next((value for known, value in kinds.items() if isinstance(kind, known)), None)
    return f"{name} {number} ä\t\\" if found is None else found
