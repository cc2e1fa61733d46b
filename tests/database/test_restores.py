"""A restored database is noticed, by whatever means it was restored; one that was not is left alone."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from sqlalchemy import make_url, text

from app.database import restore_statements as sql
from app.database.backup.programs import newest_programs
from app.database.direct import DirectPool
from app.database.engine import connect
from app.database.restore_marks import marking
from app.database.restores import Restores, Seen, files_of
from tests.support.direct import direct

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import URL
    from sqlalchemy.ext.asyncio import AsyncEngine

    from tests.support.postgres import Databases

COPIED_AT = datetime(2026, 3, 1, 4, 30, tzinfo=UTC)


@pytest.fixture
def pool(engine: AsyncEngine) -> DirectPool:
    return direct(engine)


async def noticed(pool: DirectPool, restores: Restores | None = None) -> list[Any]:
    await (restores or Restores()).open(pool)
    return [tuple(row) for row in await pool.fetch(text("SELECT since, until FROM restores ORDER BY number"), {})]


async def test_a_database_that_stays_where_it_is_is_left_alone(pool: DirectPool) -> None:
    restores = Restores(files="1 2")
    assert [await noticed(pool, restores) for _ in range(3)] == [[], [], []]
    assert await noticed(pool, Restores(files="1 2")) == []
    assert await noticed(pool) == []


@pytest.mark.parametrize("key", ["cluster", "timeline", "database", "table", "files"])
async def test_what_a_copy_does_not_share_gives_it_away_once(pool: DirectPool, key: str) -> None:
    await noticed(pool, Restores(files="1 2"))
    changed = f"""
        UPDATE installation SET value = convert_to(CAST(jsonb_set(jsonb_set(
            CAST(convert_from(value, 'UTF8') AS jsonb), ARRAY['identity', '{key}'], '"other"'
        ), ARRAY['at'], to_jsonb('{COPIED_AT.isoformat()}' || '')) AS text), 'UTF8')
        WHERE name = 'identity'
    """  # noqa: S608  # ours
    await pool.fetch(text(changed), {})
    ((since, until),) = await noticed(pool, Restores(files="1 2"))
    assert since == COPIED_AT
    assert until > COPIED_AT
    assert await noticed(pool, Restores(files="1 2")) == [(since, until)]


async def test_a_dump_that_is_loaded_elsewhere_is_noticed(
    pool: DirectPool, engine: AsyncEngine, empty_database: str
) -> None:
    await noticed(pool)
    await asyncio.to_thread(load_a_dump, engine.url, make_url(empty_database))
    copy = DirectPool(make_url(empty_database), size=2)
    assert len(await noticed(copy)) == 1
    await copy.close()


def load_a_dump(source: URL, target: URL) -> None:
    """Copy a database by PostgreSQL's own programs."""
    programs = newest_programs().folder
    reached = [url.set(drivername="postgresql").render_as_string(hide_password=False) for url in (source, target)]
    made = subprocess.run([programs / "pg_dump", "--format=custom", reached[0]], capture_output=True, check=True)
    subprocess.run([programs / "pg_restore", "--dbname", reached[1]], input=made.stdout, check=True)


async def test_a_copy_made_as_a_template_is_noticed(pool: DirectPool, engine: AsyncEngine, postgres: Databases) -> None:
    await noticed(pool)
    await engine.dispose()
    await pool.close()
    with postgres.database(template=engine.url.database) as url:
        copy = DirectPool(make_url(url), size=2)
        assert len(await noticed(copy)) == 1
        await copy.close()


async def test_files_that_were_put_back_under_a_running_process_are_noticed_once(pool: DirectPool) -> None:
    one, other = Restores(), Restores()
    await noticed(pool, one)
    await noticed(pool, other)
    for restores in (one, other):
        assert restores._position is not None
        restores._position += 1 << 40  # as if the server had been that far already
    assert len(await noticed(pool, one)) == 1
    assert len(await noticed(pool, other)) == 1


async def test_a_mark_says_as_of_when_and_holds_once(pool: DirectPool) -> None:
    await noticed(pool)
    await pool.fetch(text(marking("installation", COPIED_AT)), {})
    ((since, _),) = await noticed(pool)
    assert since == COPIED_AT
    assert len(await noticed(pool)) == 1


async def test_a_copy_of_a_marked_database_keeps_the_earlier_mark(pool: DirectPool) -> None:
    await noticed(pool)
    for as_of in (COPIED_AT, COPIED_AT + timedelta(hours=2), COPIED_AT + timedelta(microseconds=5)):
        await pool.fetch(text(marking("installation", as_of)), {})
    ((since, _),) = await noticed(pool)
    assert since == COPIED_AT


async def test_two_processes_notice_one_restore(pool: DirectPool) -> None:
    await noticed(pool)
    await pool.fetch(text(marking("installation", COPIED_AT)), {})
    await asyncio.gather(*(Restores().open(pool) for _ in range(6)))
    assert len(await noticed(pool)) == 1


async def test_a_server_that_does_not_tell_of_its_log_is_known_by_its_tables(
    engine: AsyncEngine, pool: DirectPool
) -> None:
    owner = await connect(engine.url)
    name = f"reader_{engine.url.database}"
    await owner.execute(f"CREATE ROLE {name} LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO {name}")
    await owner.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM public")
    try:
        limited = DirectPool(engine.url.set(username=name), size=2)
        assert await noticed(limited) == []
        assert await noticed(pool) == []
        assert await noticed(limited) == []
        await limited.close()
    finally:
        await owner.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")
        await owner.close()


async def test_what_one_process_cannot_see_stays_noted_for_the_others(pool: DirectPool) -> None:
    await noticed(pool, Restores(files="1 2"))
    value = "jsonb_set(CAST(convert_from(value, 'UTF8') AS jsonb), ARRAY['at'], to_jsonb(now() - interval '1 hour'))"
    hour_ago = f"UPDATE installation SET value = convert_to(CAST({value} AS text), 'UTF8') WHERE name = 'identity'"  # noqa: S608
    await pool.fetch(text(hour_ago), {})
    limited = Restores()
    limited._check = sql.CHECK_TABLES
    assert await noticed(pool, limited) == []
    assert len(await noticed(pool, Restores(files="3 4"))) == 1


async def test_a_server_in_trouble_does_not_answer_that_it_tells_nothing(engine: AsyncEngine, pool: DirectPool) -> None:
    await noticed(pool)
    restores = Restores()
    owner = await connect(engine.url)
    async with owner.transaction():
        await owner.execute("LOCK TABLE restores")
        limited = DirectPool(engine.url.update_query_dict({"options": "-c lock_timeout=1ms"}), size=1)
        with pytest.raises(asyncpg.LockNotAvailableError):
            await restores.open(limited)
    await owner.close()
    await noticed(limited, restores)
    assert restores._position is not None
    await limited.close()


async def test_when_it_was_last_found_is_kept_up_to_date(pool: DirectPool) -> None:
    await noticed(pool)
    row = (await pool.fetch(text("SELECT value FROM installation WHERE name = 'identity'"), {}))[0]
    seen = Seen.read(row["value"])
    assert seen is not None
    earlier = Seen(seen.identity, seen.at - timedelta(hours=1))
    await pool.fetch(sql.NOTE, {"value": earlier.written()})
    assert await noticed(pool) == []
    row = (await pool.fetch(text("SELECT value FROM installation WHERE name = 'identity'"), {}))[0]
    assert (found := Seen.read(row["value"])) is not None
    assert found.at >= seen.at


def test_a_copied_folder_is_another_one(tmp_path: Path) -> None:
    for folder in ("first", "second"):
        (tmp_path / folder / "base/1").mkdir(parents=True)
        for name in ("PG_VERSION", "base/1/PG_VERSION"):
            (tmp_path / folder / name).write_text("18")
    first = files_of(tmp_path / "first")
    assert first == files_of(tmp_path / "first")
    assert first != files_of(tmp_path / "second")
    copied, kept = tmp_path / "second", tmp_path / "kept"
    shutil.copytree(copied, kept)
    seen = set()
    for _ in range(3):  # a file system gives the numbers of files that are gone to their copies
        shutil.rmtree(copied)
        shutil.copytree(kept, copied)
        seen.add(files_of(copied))
    assert len(seen) == 3
    (tmp_path / "first").rename(tmp_path / "moved")
    assert files_of(tmp_path / "moved") == first
    assert files_of(tmp_path / "absent") is None


async def test_what_was_found_holds_for_a_while_but_not_where_it_was_rolled_back(pool: DirectPool) -> None:
    await noticed(pool)
    restores = Restores(fresh_seconds=3600.0)
    await restores.open(pool)
    await pool.fetch(text(marking("installation", COPIED_AT)), {})
    async with pool.transaction() as connection:
        assert not await restores.notice(connection)
    other = Restores(fresh_seconds=3600.0)
    with pytest.raises(LookupError):
        await notice_and_fail(pool, other)
    async with pool.transaction() as connection:
        assert await other.notice(connection)
    assert len(await noticed(pool)) == 1


async def test_files_that_were_put_back_are_noticed_after_a_transaction_that_was_rolled_back(pool: DirectPool) -> None:
    restores = Restores()
    await noticed(pool, restores)
    assert restores._position is not None
    restores._position += 1 << 40
    with pytest.raises(LookupError):
        await notice_and_fail(pool, restores)
    assert len(await noticed(pool, restores)) == 1


async def notice_and_fail(pool: DirectPool, restores: Restores) -> None:
    restores._fresh_until = 0.0
    async with pool.transaction() as connection:
        assert await restores.notice(connection)
        raise LookupError
