"""`segue backup` and `segue restore`: everything or nothing, and never the wrong thing."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import stat
import subprocess
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest
from sqlalchemy import make_url, text

from app.cli.database_backup import back_up, put_back
from app.database.backup.contents import SEQUENCES, TABLES
from app.database.backup.programs import base_environment, environment_for, find_programs, fits
from app.database.direct import DirectPool
from app.database.embedded import EmbeddedPostgres
from app.database.embedded.binaries import find_binaries
from app.database.embedded.cluster import create_cluster
from app.database.embedded.layout import make_root, open_path
from app.database.embedded.server_user import choose_user
from app.database.engine import open_engine
from app.database.migrate import migrate
from app.database.restores import Restores, files_of
from app.database.schema import metadata
from app.errors import StartError
from app.ids import Ids
from app.people.forget import Forgetter
from app.people.forget_store import ForgetStore
from app.settings import load_settings
from tests.backup.conftest import (
    ROOT,
    ROWS,
    as_written,
    counted,
    execute,
    fill,
    held,
    pg_dump,
    rows_of,
    segue,
    started,
)
from tests.support.world import private_world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.timeout(300)
PAGE = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
SEGUES_ROWS = dict.fromkeys(metadata.tables, ROWS) | {
    "alembic_version": 1,
    "installation": ROWS + 3,  # the migrations make three
}
ROWS_OF_EACH = " UNION ALL ".join(
    f"SELECT '{table}', count(*) FROM {table}"  # noqa: S608  # our own names
    for table in ("events", "decisions", "enrollments", "journal", "intents", "rulebooks")
)
LONG_EVENTS = """
    UPDATE events
    SET data = jsonb_build_object('long', (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 20000) n))
"""
SESSIONS = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'segue-backup'
"""


def files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(errors="replace") for path in folder.iterdir()}


def backed_up(url: str, target: Path) -> str:
    return back_up(load_settings({"SEGUE_DATABASE_URL": as_written(url)}), os.environ, target)


def restored(url: str, source: Path, *, replace: bool = False) -> str:
    return put_back(load_settings({"SEGUE_DATABASE_URL": as_written(url)}), os.environ, source, replace=replace)


def test_the_commands_of_the_page_bring_back_every_row_of_every_table(folder: Path) -> None:
    server = EmbeddedPostgres.open(folder / "data")
    fill(server.url)
    before = held(server.url)
    server.close()
    backup, restore = (
        [
            part.replace("/var/backups", str(folder))
            for part in re.findall(rf"^\$ segue ({name} .+)$", PAGE, re.MULTILINE)[0].split()
        ]
        for name in ("backup", "restore")
    )
    made = segue(*backup, SEGUE_DATA_DIR=str(folder / "data"))
    assert (made.returncode, made.stderr) == (0, "")
    brought = segue(*restore, SEGUE_DATA_DIR=str(folder / "new"))
    assert (brought.returncode, brought.stderr) == (0, "")
    assert "HubSpot is read before anything is sent" in brought.stdout
    server = EmbeddedPostgres.open(folder / "new")
    after = held(server.url)
    server.close()
    assert after == before
    assert counted(after) == SEGUES_ROWS


def test_a_file_is_whole_and_can_be_read_by_its_owner_only(filled: str, folder: Path) -> None:
    old_mask = os.umask(0)
    try:
        said = backed_up(filled, folder / "segue.dump")
    finally:
        os.umask(old_mask)
    assert stat.S_IMODE((folder / "segue.dump").stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == ["segue.dump"]
    assert f"{len(TABLES)} tables" in said


def test_everything_that_migrations_make_is_backed_up(filled: str, folder: Path, empty_database: str) -> None:
    migrations = (ROOT / "app/database/migrations/versions").glob("*.py")
    made = {name for file in migrations for name in re.findall(r'create_table\(\s*"(\w+)"', file.read_text())}
    assert made <= TABLES
    backed_up(filled, folder / "file")
    restored(empty_database, folder / "file")
    assert held(empty_database) == held(filled)
    assert set(metadata._sequences) == SEQUENCES


def test_a_restore_is_a_row_of_the_audit_log_that_it_brings(filled: str, folder: Path, empty_database: str) -> None:
    backed_up(filled, folder / "file")
    restored(empty_database, folder / "file")
    found = "SELECT who, outcome, status, before, after ->> 'restored' FROM audit WHERE what = 'segue restore'"
    ((who, outcome, status, before, created),) = rows_of(empty_database, found)
    assert (who, outcome, status, before) == ("cli", "done", None, None)
    assert created in restored(empty_database, folder / "file", replace=True)
    assert len(rows_of(empty_database, found)) == 1
    assert rows_of(filled, found) == []


def test_a_database_without_segues_tables_is_not_backed_up(empty_database: str, folder: Path) -> None:
    (folder / "older").write_text("kept")
    ended = segue("backup", folder / "older", SEGUE_DATABASE_URL=as_written(empty_database))
    assert ended.returncode != 0
    assert "holds no tables of Segue" in ended.stderr
    execute(empty_database, "CREATE TABLE alembic_version (version_num text)", "CREATE TABLE people (email text)")
    with pytest.raises(StartError, match="nothing was written"):
        backed_up(empty_database, folder / "new")
    assert files(folder) == {"older": "kept"}


def test_a_data_directory_without_a_database_is_named_and_not_made(folder: Path) -> None:
    ended = segue("backup", folder / "file", SEGUE_DATA_DIR=str(folder / "data"))
    assert ended.returncode != 0
    assert f"there is no database in {folder / 'data'}" in ended.stderr
    assert list(folder.iterdir()) == []


def test_a_database_of_a_newer_version_is_neither_backed_up_nor_replaced(
    filled: str, empty_database: str, folder: Path
) -> None:
    backed_up(filled, folder / "file")
    execute(filled, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StartError, match=r"is at migration 9999, .*back it up with that version"):
        backed_up(filled, folder / "newer")
    with pytest.raises(StartError, match=r"is at migration 9999, .*restore with that version"):
        restored(filled, folder / "file", replace=True)
    (folder / "newer").write_bytes(pg_dump(filled, "--format=custom"))
    with pytest.raises(StartError, match=r"newer is at migration 9999, .*restore it with that version"):
        restored(empty_database, folder / "newer")


def test_what_is_no_backup_is_refused_before_a_database_is_made(filled: str, empty_database: str, folder: Path) -> None:
    execute(empty_database, "CREATE TABLE people (email text)")
    private = load_settings({"SEGUE_DATA_DIR": str(folder / "data")})
    wrong = {
        "text": b"hello\n" * 1000,
        "empty": b"",
        "plain": pg_dump(filled),
        "other": pg_dump(empty_database, "--format=custom"),
        "schema": pg_dump(filled, "--format=custom", "--schema-only"),
    }
    for name, content in wrong.items():
        (folder / name).write_bytes(content)
        with pytest.raises(StartError, match=f"^{folder / name} is not a backup of Segue: "):
            put_back(private, os.environ, folder / name, replace=False)
    for name in ("absent", "."):
        with pytest.raises(StartError, match=f"^cannot read {folder / name}: "):
            put_back(private, os.environ, folder / name, replace=False)
    ended = segue("restore", folder / "text", SEGUE_DATA_DIR=str(folder / "data"))
    assert ended.returncode != 0
    assert ended.stderr.startswith(f"segue: {folder / 'text'} is not a backup of Segue")
    assert {path.name for path in folder.iterdir()} == set(wrong)


@pytest.mark.parametrize("target", ["absent/file", "folder", "/dev/null"])
def test_a_place_that_takes_no_file_is_named(filled: str, folder: Path, target: str) -> None:
    (folder / "folder").mkdir()
    with pytest.raises(StartError, match=re.escape(str(folder / target))):
        backed_up(filled, folder / target)
    assert [path.name for path in folder.iterdir()] == ["folder"]
    assert not Path("/dev/null").is_file()


def test_a_link_is_followed(filled: str, folder: Path) -> None:
    (folder / "link").symlink_to("file")
    backed_up(filled, folder / "link")
    assert (folder / "link").is_symlink()
    assert (folder / "file").is_file()


def test_data_is_replaced_only_when_that_is_asked_for_and_others_tables_never(
    filled: str, folder: Path, empty_database: str
) -> None:
    fill(empty_database)
    execute(empty_database, "UPDATE events SET email = 'other@corp.example'", "CREATE TABLE people AS SELECT 1 AS one")
    backed_up(empty_database, folder / "file")
    wanted = held(empty_database)
    execute(empty_database, "DELETE FROM events", "DELETE FROM decisions")
    before = held(empty_database)
    with pytest.raises(StartError, match=r"holds data of Segue, and nothing was changed.*--replace"):
        restored(empty_database, folder / "file")
    assert held(empty_database) == before
    said = restored(empty_database, folder / "file", replace=True)
    assert held(empty_database) == wanted
    assert f"restored {folder / 'file'} into the database at " in said
    restored(filled, folder / "file", replace=True)
    assert "people r" not in held(filled)["relations"]


def test_a_database_that_was_only_migrated_counts_as_empty(filled: str, folder: Path, empty_database: str) -> None:
    backed_up(filled, folder / "file")
    assert segue("migrate", SEGUE_DATABASE_URL=as_written(empty_database)).returncode == 0
    restored(empty_database, folder / "file")
    assert held(empty_database) == held(filled)


def test_a_file_that_is_cut_short_changes_nothing(filled: str, folder: Path, empty_database: str) -> None:
    fill(empty_database)
    execute(filled, LONG_EVENTS)
    backed_up(filled, folder / "file")
    whole = (folder / "file").read_bytes()
    (folder / "file").write_bytes(whole[: len(whole) // 2])
    before = held(empty_database)
    with pytest.raises(StartError, match="nothing was restored, the database is as it was: pg_restore: error"):
        restored(empty_database, folder / "file", replace=True)
    assert held(empty_database) == before


def test_a_statement_that_is_refused_changes_nothing(filled: str, folder: Path, empty_database: str) -> None:
    backed_up(filled, folder / "file")
    fill(empty_database)
    execute(empty_database, "DROP INDEX ix_events_email_id", "CREATE TABLE ix_events_email_id (one int)")
    before = held(empty_database)
    with pytest.raises(StartError, match=r'nothing was restored.* "ix_events_email_id" already exists'):
        restored(empty_database, folder / "file", replace=True)
    assert held(empty_database) == before


async def test_a_backup_is_made_while_the_service_works(folder: Path) -> None:
    async with private_world(folder / "data") as world:
        await world.start("serve")
        await asyncio.gather(*(world.send_event(number, "long") for number in range(10)))
        await world.until_settled()
        made = await asyncio.to_thread(segue, "backup", folder / "file", SEGUE_DATA_DIR=str(folder / "data"))
        assert made.returncode == 0, made.stderr
        before = await world.rows(ROWS_OF_EACH)
        refused = await asyncio.to_thread(segue, "restore", folder / "file", SEGUE_DATA_DIR=str(folder / "data"))
        assert refused.returncode != 0
        assert f"process {world.processes[0].pid} already uses the data directory" in refused.stderr
    assert ("enrollments", 10) in before
    brought = await asyncio.to_thread(segue, "restore", folder / "file", SEGUE_DATA_DIR=str(folder / "new"))
    assert brought.returncode == 0, brought.stderr
    async with private_world(folder / "new") as world:
        await world.start("serve")
        assert await world.rows(ROWS_OF_EACH) == before


async def test_a_database_that_segue_works_on_is_not_restored_into(filled: str, folder: Path) -> None:
    await asyncio.to_thread(backed_up, filled, folder / "file")
    engine = open_engine(filled)
    async with engine.connect():
        with pytest.raises(StartError, match=r"Segue works on .* \(1 sessions\): stop every"):
            await asyncio.to_thread(restored, filled, folder / "file", replace=True)
    await engine.dispose()
    await asyncio.to_thread(restored, filled, folder / "file", replace=True)


def test_both_commands_work_in_a_pipe(filled: str, empty_database: str) -> None:
    environment = {"FROM": as_written(filled), "TO": as_written(empty_database), "PYTHON": sys.executable}
    piped = 'SEGUE_DATABASE_URL=$FROM "$PYTHON" -m app backup - | SEGUE_DATABASE_URL=$TO "$PYTHON" -m app restore -'
    subprocess.run(["/bin/sh", "-c", piped], cwd=ROOT, env=os.environ | environment, check=True)
    assert held(empty_database) == held(filled)


@asynccontextmanager
async def waiting(url: str, lock: str, *arguments: str | Path) -> AsyncIterator[subprocess.Popen[str]]:
    """Run a command until it waits for a table that is locked here; when the block ends, wait until it is over."""
    holder, observer = await asyncpg.connect(as_written(url)), await asyncpg.connect(as_written(url))
    with started(*arguments, SEGUE_DATABASE_URL=as_written(url)) as command:
        async with holder.transaction():
            await holder.execute(f"LOCK TABLE events IN {lock} MODE")
            while not await observer.fetchval(f"{SESSIONS} AND wait_event_type = 'Lock'"):
                assert command.poll() is None
            yield command
        command.wait()
    while await observer.fetchval(SESSIONS):
        pass
    await holder.close()
    await observer.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("before", [None, "kept"])
async def test_a_backup_that_is_cut_short_leaves_the_file_as_it_was(
    filled: str, folder: Path, number: int, before: str | None
) -> None:
    if before:
        (folder / "file").write_text(before)
    async with waiting(filled, "ACCESS EXCLUSIVE", "backup", folder / "file") as command:
        command.send_signal(number)
        assert command.wait() != 0
    found = files(folder)
    left = {name for name in found if name.endswith(".part")}
    assert number == signal.SIGKILL or not left
    assert {name: found[name] for name in found.keys() - left} == ({"file": before} if before else {})


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_restore_that_is_cut_short_changes_nothing(filled: str, folder: Path, number: int) -> None:
    await asyncio.to_thread(backed_up, filled, folder / "file")
    await asyncio.to_thread(execute, filled, "DELETE FROM enrollments")
    before = await asyncio.to_thread(held, filled)
    async with waiting(filled, "ACCESS SHARE", "restore", "--replace", folder / "file") as command:
        command.send_signal(number)
        assert command.wait() != 0
    assert await asyncio.to_thread(held, filled) == before


async def test_a_service_that_starts_meanwhile_waits_for_the_restore(filled: str, folder: Path) -> None:
    await asyncio.to_thread(backed_up, filled, folder / "file")
    before = await asyncio.to_thread(held, filled)
    observer = await asyncpg.connect(as_written(filled))
    async with waiting(filled, "ACCESS SHARE", "restore", "--replace", folder / "file") as command:
        migrating = started("migrate", SEGUE_DATABASE_URL=as_written(filled))
        while not await observer.fetchval("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory'"):
            assert migrating.poll() is None
    with migrating:
        assert (command.returncode, migrating.wait()) == (0, 0)
    await observer.close()
    assert await asyncio.to_thread(held, filled) == before


@pytest.mark.parametrize("missing", ["most", "the last bytes"])
def test_a_full_disk_leaves_nothing(filled: str, folder: Path, missing: str) -> None:
    backed_up(filled, folder / "whole")
    size = (folder / "whole").stat().st_size
    (folder / "whole").unlink()
    blocks = 8 if missing == "most" else (size - 1) // 512
    ended = segue("backup", folder / "file", limit=str(blocks), SEGUE_DATABASE_URL=as_written(filled))
    assert ended.returncode != 0
    assert f"cannot write {folder / 'file'}: File too large" in ended.stderr
    assert list(folder.iterdir()) == []


def test_a_backup_goes_into_the_same_postgresql_or_a_newer_one(folder: Path) -> None:
    for version, name in ((16, "old"), (16, "old2"), (18, "new")):
        layout = make_root(folder / name)
        user = choose_user(layout.pgdata)
        open_path(layout, user)
        create_cluster(layout, find_binaries(user, layout.copies, version), user)
    server = EmbeddedPostgres.open(folder / "old")
    fill(server.url)
    before = held(server.url)
    server.close()
    assert segue("backup", folder / "file", SEGUE_DATA_DIR=str(folder / "old")).returncode == 0
    for name in ("old2", "new"):
        brought = segue("restore", folder / "file", SEGUE_DATA_DIR=str(folder / name))
        assert brought.returncode == 0, brought.stderr
        server = EmbeddedPostgres.open(folder / name)
        assert held(server.url) == before
        server.close()
    assert segue("backup", folder / "newer", SEGUE_DATA_DIR=str(folder / "new")).returncode == 0
    refused = segue("restore", "--replace", folder / "newer", SEGUE_DATA_DIR=str(folder / "old"))
    assert refused.returncode != 0
    assert "was made of PostgreSQL 18, and the database in" in refused.stderr


@pytest.mark.parametrize(
    ("programs", "server", "fitting"),
    [(18, 18, True), (18, 17, True), (18, 16, False), (16, 16, True), (16, 14, True), (16, 18, False)],
)
def test_which_programs_fit_which_server(programs: int, server: int, *, fitting: bool) -> None:
    assert fits(programs, server) is fitting


def test_programs_that_are_missing_are_named_with_what_to_install() -> None:
    with pytest.raises(StartError, match=r"of PostgreSQL 99 are needed; found: .*18 \(.*Install the client programs"):
        find_programs(99)
    assert find_programs(16).version[0] == 16


def test_the_programs_reach_what_the_service_reaches_and_show_no_password() -> None:
    url = make_url(
        "postgresql+asyncpg://ann:s%20ecret@db.example:5433/leads?sslmode=verify-full&sslrootcert=/ca.pem"
        "&application_name=mine&search_path=a%20b&sslpassword=hush"
    )
    assert environment_for(url, {"PATH": "/bin"}) == {
        "PATH": "/bin",
        "PGHOST": "db.example",
        "PGPORT": "5433",
        "PGUSER": "ann",
        "PGPASSWORD": "s ecret",
        "PGDATABASE": "leads",
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": "/ca.pem",
        "PGOPTIONS": "-c search_path=a\\ b",
    }
    private = make_url("postgresql+asyncpg://segue@/segue?host=%2Fdata%2Fsocket&port=5432")
    assert environment_for(private, {})["PGHOST"] == "/data/socket"
    kept = base_environment({"PATH": "/bin", "PGSSLMODE": "require", "SEGUE_TOKENS": "secret"}, libpq=False)
    assert kept == {"PATH": "/bin", "LC_ALL": "C", "TZ": "UTC", "PGAPPNAME": "segue-backup"}
    assert base_environment({"PGSSLMODE": "require"}, libpq=True)["PGSSLMODE"] == "require"


def test_a_restored_database_is_marked_with_the_time_of_its_backup(
    filled: str, folder: Path, empty_database: str
) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    backed_up(filled, folder / "file")
    restored(empty_database, folder / "file")
    assert before <= marked(empty_database) <= datetime.now(UTC)


def test_an_operator_says_that_a_database_was_restored_by_other_means(filled: str, folder: Path) -> None:
    said = segue("mark-restored", "2026-03-01T04:30+01:00", SEGUE_DATABASE_URL=as_written(filled))
    assert said.returncode == 0, said.stderr
    assert "it holds what was so at 2026-03-01 03:30 UTC" in said.stdout
    assert marked(filled) == datetime(2026, 3, 1, 3, 30, tzinfo=UTC)
    refused = segue("mark-restored", "2026-03-01T03:30Z", SEGUE_DATA_DIR=str(folder / "data"))
    assert refused.returncode != 0
    assert "there is no database in" in refused.stderr
    refused = segue("mark-restored", "2226-03-01T03:30Z", SEGUE_DATABASE_URL=as_written(filled))
    assert refused.returncode != 0
    assert "still to come" in refused.stderr


def test_an_operator_says_that_a_database_was_moved_and_lacks_nothing(
    filled: str, folder: Path, empty_database: str
) -> None:
    async def noticed() -> int:
        pool = DirectPool(make_url(empty_database), size=1)
        await Restores().open(pool)
        (row,) = await pool.fetch(text("SELECT count(*) FROM restores"), {})
        await pool.close()
        return int(row[0])

    backed_up(filled, folder / "file")
    restored(empty_database, folder / "file")
    execute(empty_database, "DELETE FROM restores")
    said = segue("mark-moved", SEGUE_DATABASE_URL=as_written(empty_database))
    assert said.returncode == 0, said.stderr
    assert "nothing is held or parked" in said.stdout
    assert asyncio.run(noticed()) == 0


def test_a_copy_of_the_data_directory_that_is_put_back_is_noticed(folder: Path) -> None:
    async def noticed(url: str, files: str | None) -> int:
        pool = DirectPool(make_url(url), size=1)
        await Restores(files=files).open(pool)
        (row,) = await pool.fetch(text("SELECT count(*) FROM restores"), {})
        await pool.close()
        return int(row[0])

    def started_in(data: Path) -> int:
        server = EmbeddedPostgres.open(data)
        asyncio.run(migrate(make_url(server.url)))
        found = asyncio.run(noticed(server.url, files_of(data / "postgres")))
        server.close()
        return found

    assert [started_in(folder / "data") for _ in range(2)] == [0, 0]
    subprocess.run(["/bin/cp", "-a", folder / "data", folder / "copy"], check=True)  # with its owner
    assert started_in(folder / "data") == 0
    (folder / "data").rename(folder / "lost")
    (folder / "copy").rename(folder / "data")
    assert [started_in(folder / "data") for _ in range(2)] == [1, 1]


def marked(url: str) -> datetime:
    """Return the time of what the database holds, by its mark."""

    async def reading() -> str:
        connection = await asyncpg.connect(as_written(url))
        value: bytes = await connection.fetchval("SELECT value FROM installation WHERE name = 'restored'")
        await connection.close()
        return value.decode()

    return datetime.fromisoformat(asyncio.run(reading()))


TOMBSTONES = "SELECT (SELECT count(*) FROM forgotten), (SELECT count(*) FROM forgettings WHERE done_at IS NULL)"


async def forget(url: str, address: str) -> None:
    engine = open_engine(url)
    forgetter = Forgetter(ForgetStore(engine), new_id=Ids(), hash_email=lambda _: "h")
    assert await forgetter.finish((await forgetter.begin(address, by="cli")).id)
    await engine.dispose()


async def forgotten_again(url: str) -> None:
    engine = open_engine(url)
    assert await Forgetter(ForgetStore(engine), new_id=Ids(), hash_email=lambda _: "h").work() is None
    await engine.dispose()


def one(url: str, statement: str) -> tuple[object, ...]:
    async def read() -> tuple[object, ...]:
        connection = await asyncpg.connect(as_written(url))
        row = await connection.fetchrow(statement)
        await connection.close()
        assert row is not None
        return tuple(row.values())

    return asyncio.run(read())


@pytest.fixture
def forgotten_since(database_url: str, folder: Path) -> tuple[str, Path]:
    """A database in which Ada was forgotten after a backup that holds her."""
    execute(
        database_url,
        "INSERT INTO suppressions VALUES ('ada@corp.example', 'address', NULL, NULL, now())",
        "INSERT INTO suppressions VALUES ('bob@corp.example', 'address', NULL, NULL, now())",
    )
    file = folder / "before.dump"
    backed_up(database_url, file)
    asyncio.run(forget(database_url, "ada@corp.example"))
    return database_url, file


def test_a_restore_carries_tombstones_over_and_forgets_again(forgotten_since: tuple[str, Path]) -> None:
    url, file = forgotten_since
    said = restored(url, file, replace=True)
    assert said.endswith("\n1 people whom it brought back are forgotten again when a worker starts")
    assert one(url, TOMBSTONES) == (1, 1)
    assert one(url, "SELECT count(*) FROM pg_class WHERE relname LIKE 'segue_kept%'") == (0,)
    asyncio.run(forgotten_again(url))
    assert one(url, "SELECT count(*) FROM suppressions WHERE value = 'ada@corp.example'") == (0,)
    assert one(url, "SELECT count(*) FROM suppressions WHERE value = 'bob@corp.example'") == (1,)
    assert one(url, TOMBSTONES) == (1, 0)


def test_tombstones_that_cannot_be_carried_over_stop_the_restore(forgotten_since: tuple[str, Path]) -> None:
    url, file = forgotten_since
    execute(url, "CREATE TABLE segue_kept_forgotten (other text)")
    with pytest.raises(StartError, match="nothing was restored"):
        restored(url, file, replace=True)
    assert one(url, "SELECT count(*) FROM suppressions WHERE value = 'ada@corp.example'") == (0,)
    assert one(url, TOMBSTONES) == (1, 0)


def test_a_backup_of_another_installation_takes_no_tombstones(forgotten_since: tuple[str, Path]) -> None:
    url, file = forgotten_since
    execute(url, "UPDATE installation SET value = 'x' WHERE name = 'forgotten_inner'")
    assert "do not fit this backup" in restored(url, file, replace=True)
    assert one(url, TOMBSTONES) == (0, 0)
