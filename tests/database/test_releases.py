"""Every release is upgraded with rows in it, and the one before works on the tables of this one meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from alembic import command
from sqlalchemy import Connection, make_url

from app import __version__
from app.database.downgrade import releases
from app.database.engine import connect, open_engine
from app.database.migrate import WORKS_WITH, head, knows, migrate
from app.database.schema import metadata
from app.database.upgrade import configuration
from tests.database.expanding import Column, refused, taken_away, unused_since
from tests.database.release_schema import FOLDER, keep

if TYPE_CHECKING:
    from collections.abc import Mapping

RELEASES = releases()
LATEST = list(RELEASES)[-1]
VERSIONS = Path(configuration().get_main_option("script_location") or "") / "versions"
NEWER = [file for file in sorted(VERSIONS.glob("0*.py")) if file.name[:4] > next(iter(RELEASES.values()))]
COLUMNS = """
    SELECT table_name, column_name, data_type, is_nullable = 'YES', column_default IS NOT NULL OR is_identity = 'YES'
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'
"""


async def loaded(url: str, release: str) -> Any:
    """Make the database of a release, and return a connection to it."""
    connection = await connect(make_url(url))
    await connection.execute((FOLDER / f"{release}.sql").read_text(encoding="utf-8"))
    return connection


async def columns(connection: Any) -> dict[tuple[str, str], Column]:
    return {(row[0], row[1]): Column(*row[2:]) for row in await connection.fetch(COLUMNS)}


async def rows(connection: Any, tables: set[str]) -> Mapping[str, int]:
    return {table: await connection.fetchval(f'SELECT count(*) FROM "{table}"') for table in tables}  # noqa: S608  # ours


def test_each_release_is_kept() -> None:
    assert {file.name.removesuffix(".sql") for file in FOLDER.glob("*.sql")} == set(RELEASES)
    assert all(knows(revision) for revision in RELEASES.values())
    assert __version__ in RELEASES, "`make release` keeps the tables of a version"


@pytest.mark.parametrize("release", RELEASES)
async def test_the_database_of_each_release_is_upgraded_with_its_rows(release: str, empty_database: str) -> None:
    connection = await loaded(empty_database, release)
    tables = {table for table, _ in await columns(connection)}
    before = await rows(connection, tables)
    assert all(before.values())
    assert await migrate(make_url(empty_database)) == head()
    kept = tables & metadata.tables.keys()
    after = await rows(connection, kept)
    assert {name: count for name, count in after.items() if name != "installation"} == {
        name: before[name] for name in kept if name != "installation"
    }
    await connection.close()
    engine = open_engine(empty_database)
    async with engine.connect() as checked:
        await checked.run_sync(_check)
    await engine.dispose()


def _check(connection: Connection) -> None:
    config = configuration()
    config.attributes["connection"] = connection
    command.check(config)


async def test_the_release_before_writes_and_reads_the_tables_of_this_one(empty_database: str) -> None:
    connection = await loaded(empty_database, LATEST)
    before = await columns(connection)
    await migrate(make_url(empty_database))
    assert refused(before, await columns(connection)) == []
    statements: dict[str, str] = orjson.loads((FOLDER / f"{LATEST}.statements.json").read_bytes())
    for statement in statements.values():
        await connection.prepare(statement)
    await connection.close()


def test_replicas_of_the_release_before_go_on_while_they_are_replaced() -> None:
    assert knows(WORKS_WITH)
    assert RELEASES[LATEST] >= WORKS_WITH


def test_a_migration_takes_away_only_what_a_release_before_does_not_use() -> None:
    for file in NEWER:
        source = file.read_text(encoding="utf-8")
        if taken := taken_away(source):
            assert unused_since(source) in RELEASES, f"{file.name}: {taken}; see docs/contributing/migration.md"


@pytest.mark.parametrize(
    ("body", "taken"),
    [
        ('op.add_column("events", sa.Column("x", sa.Text(), nullable=True))', False),
        ('op.add_column("events", sa.Column("x", sa.Integer(), server_default="0", nullable=False))', False),
        ('op.add_column("events", sa.Column("x", sa.Text(), nullable=False))', True),
        ('op.create_table("more", sa.Column("x", sa.Text(), nullable=False))', False),
        ('op.drop_index("ix", "events")', False),
        ('op.drop_column("events", "x")', True),
        ('op.drop_table("events")', True),
        ('op.rename_table("events", "facts")', True),
        ('op.alter_column("events", "x", new_column_name="y")', True),
        ('op.alter_column("events", "x", nullable=False)', True),
        ('op.alter_column("events", "x", nullable=True)', False),
        ('op.alter_column("events", "x", type_=sa.Text())', True),
        ('op.execute("UPDATE events SET type = lower(type)")', False),
        ('op.execute("ALTER TABLE events DROP COLUMN x")', True),
        ('op.execute("ALTER TABLE events RENAME x TO y")', True),
        ('op.execute("ALTER TABLE events ALTER COLUMN x SET NOT NULL")', True),
    ],
)
def test_what_counts_as_taking_away(body: str, taken: bool) -> None:  # noqa: FBT001  # a case
    source = (
        f'"""Drop table of nothing"""\n\ndef upgrade():\n    {body}\n\ndef downgrade():\n    op.drop_table("more")\n'
    )
    assert bool(taken_away(source)) is taken
    assert unused_since(source) is None
    assert unused_since(f'{source}\nunused_since = "0.1.0"\n') == "0.1.0"


def test_which_columns_a_writer_of_before_cannot_fill() -> None:
    text_, number = (
        Column("text", nullable=True, fills_itself=False),
        Column("integer", nullable=True, fills_itself=False),
    )
    needed, filled = text_._replace(nullable=False), number._replace(nullable=False, fills_itself=True)
    old = {("events", "id"): needed, ("events", "name"): text_}
    assert refused(old, old | {("events", "more"): text_, ("events", "count"): filled, ("other", "id"): needed}) == []
    assert len(refused(old, old | {("events", "more"): needed})) == 1
    assert len(refused(old, old | {("events", "name"): needed})) == 1
    assert len(refused(old, old | {("events", "name"): number})) == 1
    assert refused(old, {("events", "id"): needed}) == []


def test_what_is_kept_of_a_version_is_the_same_each_time(tmp_path: Path) -> None:
    written = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        keep("9.9.9", tmp_path / name)
        written.append({file.name: file.read_text() for file in (tmp_path / name).iterdir()})
    assert written[0] == written[1]
    assert len(written[0]) == 2
