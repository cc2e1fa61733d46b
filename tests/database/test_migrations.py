from __future__ import annotations

import asyncio
import subprocess
import sys
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, make_url, text

from app.audit.act import command_act, system_act
from app.audit.store import AuditFilters, AuditStore
from app.audit.wiring import migrate_as
from app.database.engine import open_engine, require_server
from app.database.migrate import (
    READ_WORKS_WITH,
    WORKS_WITH,
    WRITE_WORKS_WITH,
    head,
    knows,
    migrate,
    require_migrated,
)
from app.database.upgrade import configuration, downgrade, upgrade
from app.errors import StartError
from app.settings import load_settings
from tests.backup.conftest import fill
from tests.support.processes import ROOT

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

# The order of columns may change: what is added again stands last.
SCHEMA = """
    SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
    WHERE table_schema = 'public'
    UNION ALL SELECT tablename, indexname, indexdef, '', '' FROM pg_indexes WHERE schemaname = 'public'
    ORDER BY 1, 2
"""


async def test_the_migrations_make_exactly_the_schema(engine: AsyncEngine) -> None:
    def check(connection: Connection) -> None:
        config = configuration()
        config.attributes["connection"] = connection
        command.check(config)

    async with engine.connect() as connection:
        await connection.run_sync(check)


def test_the_names_of_the_files_are_the_revisions_in_their_order() -> None:
    scripts = ScriptDirectory.from_config(configuration())
    assert scripts.get_current_head() == head()
    assert all(knows(script.revision) for script in scripts.walk_revisions())
    assert not knows("0020")


def test_a_migrated_database_is_left_alone_without_alembic(database_url: str) -> None:
    program = (
        "import asyncio, sys; from sqlalchemy import make_url; from app.database.migrate import migrate; "
        "print(asyncio.run(migrate(make_url(sys.argv[1]))), 'alembic' in sys.modules)"
    )
    arguments = [sys.executable, "-c", program, database_url]
    ended = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout.split() == [head(), "False"]


async def test_replicas_that_start_together_migrate_once(empty_database: str) -> None:
    engines = [open_engine(empty_database) for _ in range(4)]
    with pytest.raises(StartError, match="segue migrate"):
        await require_migrated(engines[0])
    assert await asyncio.gather(*(migrate(engine.url) for engine in engines)) == [head()] * 4
    await require_migrated(engines[0])
    for engine in engines:
        await engine.dispose()


async def test_a_migration_is_a_row_of_the_audit_log_once(empty_database: str) -> None:
    settings = load_settings({"SEGUE_DATABASE_URL": empty_database.replace("+asyncpg", "")})
    for act in (command_act("migrate"), system_act("start")):
        await migrate_as(act, settings, empty_database)
    engine = open_engine(empty_database)
    (row,) = await AuditStore(engine).page(AuditFilters())
    await engine.dispose()
    assert (row["who"], row["what"], row["outcome"]) == ("cli", "segue migrate", "done")
    assert (row["before"], row["after"]) == ({"migration": None}, {"migration": head()})


async def test_a_database_of_a_newer_version_is_refused(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        await connection.execute(text("DELETE FROM installation"))
    with pytest.raises(StartError, match="newer version"):
        await migrate(engine.url)
    with pytest.raises(StartError, match="9999"):
        await require_migrated(engine)


@pytest.mark.parametrize(("oldest", "works"), [("0021", True), (head(), True), ("9998", False)])
async def test_a_newer_version_says_whether_this_one_works_on_its_tables(
    engine: AsyncEngine, oldest: str, *, works: bool
) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        await connection.execute(WRITE_WORKS_WITH, {"revision": oldest})
    if works:
        assert await migrate(engine.url) == "9999"
        await require_migrated(engine)
    else:
        with pytest.raises(StartError, match=f"works with versions from migration 9998 on.*--to {head()}"):
            await migrate(engine.url)


async def test_a_migration_leaves_word_of_which_versions_work_on_its_tables(empty_database: str) -> None:
    await migrate(make_url(empty_database))
    engine = open_engine(empty_database)
    async with engine.connect() as connection:
        assert (await connection.execute(READ_WORKS_WITH)).scalar_one() == WORKS_WITH
    await engine.dispose()


def test_every_migration_goes_back_and_on_again_with_rows_in_every_table(empty_database: str) -> None:
    fill(empty_database)

    async def walking() -> None:
        engine = open_engine(empty_database)
        scripts = list(ScriptDirectory.from_config(configuration()).walk_revisions())
        for script, before in pairwise(scripts):
            async with engine.begin() as connection:
                was = (await connection.execute(text(SCHEMA))).all()
                await connection.run_sync(downgrade, before.revision)
                await connection.run_sync(upgrade, script.revision)
                assert (await connection.execute(text(SCHEMA))).all() == was, script.revision
                await connection.run_sync(downgrade, before.revision)
        async with engine.begin() as connection:
            await connection.run_sync(upgrade)
        await engine.dispose()

    asyncio.run(walking())


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql+asyncpg://segue@127.0.0.1:1/segue", "127.0.0.1:1"),
        ("postgresql+asyncpg://segue:hunter2@127.0.0.1:1/segue", "segue:\\*\\*\\*@127.0.0.1"),
    ],
)
async def test_an_unreachable_database_is_named_without_its_password(url: str, message: str) -> None:
    engine = open_engine(url)
    with pytest.raises(StartError, match=message) as error:
        await require_server(engine)
    assert "hunter2" not in str(error.value)
    await engine.dispose()
