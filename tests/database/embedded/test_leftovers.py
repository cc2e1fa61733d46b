"""Processes that outlive their killed server: a start waits for them, ends them, and touches no others."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from sqlalchemy.engine import make_url
from structlog.testing import capture_logs

from app.database.embedded import EmbeddedPostgres
from app.database.embedded.binaries import find_binaries
from app.database.embedded.layout import Layout
from app.database.embedded.leftovers import MACOS, standing_in
from app.database.embedded.pid_file import process_name, read_postmaster
from app.database.embedded.server_user import choose_user
from app.errors import StartError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from tests.database.embedded.conftest import Holds

    Ask = Callable[[str, str], Any]

HOLDER = Path(__file__).with_name("holder.py")
COMPUTES = "DO $$ BEGIN LOOP END LOOP; END $$"
CAP_KILL, CAP_SYS_PTRACE = 5, 19
# A container's root has fewer rights than root: it loses some, and becomes the program for good.
LOSES = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(24, int(sys.argv[1]), 0, 0, 0)  # PR_CAPBSET_DROP
os.execv(sys.argv[2], sys.argv[2:])
"""
ATTACHES = """
import ctypes, sys
library = ctypes.CDLL(None)
library.shmat.restype = ctypes.c_void_p
print(library.shmat(int(sys.argv[1]), None, 0o10000), flush=True)
sys.stdin.read()
"""


def server_pid(data_dir: Path) -> int:
    found = read_postmaster(Layout.of(data_dir).pgdata)
    assert found
    return found.pid


def kill_server(data_dir: Path, holder: subprocess.Popen[str] | None = None) -> None:
    """Kill the postmaster, and before it the process that holds it; wait until they are dead."""
    if holder:
        holder.kill()
        holder.wait()
    pid = server_pid(data_dir)
    os.kill(pid, signal.SIGKILL)
    while process_name(pid) is not None:
        pass


def copied(data_dir: Path, target: Path) -> Path:
    subprocess.run(["/bin/cp", "-Rp", data_dir, target], check=True)  # fixed words
    return target


@pytest.fixture
def bystander(data_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another program that stands in PostgreSQL's folder."""
    standing = subprocess.Popen(["/bin/sleep", "600"], cwd=data_dir / "postgres")
    yield standing
    standing.kill()
    standing.wait()


@asynccontextmanager
async def stuck(url: str, *, how: str = "frozen") -> AsyncIterator[int]:
    """A session whose process does not notice that its server dies; its process id."""
    dsn = make_url(url).set(drivername="postgresql").render_as_string()
    connection, other = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    pid = await connection.fetchval("SELECT pg_backend_pid()")
    computing = asyncio.create_task(connection.execute(COMPUTES)) if how == "busy" else None
    if computing is None:
        os.kill(pid, signal.SIGSTOP)
    while computing and await other.fetchval("SELECT state FROM pg_stat_activity WHERE pid = $1", pid) != "active":
        pass
    try:
        yield pid
    finally:
        if process_name(pid) == "postgres":
            os.kill(pid, signal.SIGKILL)
        await asyncio.gather(*([computing] if computing else []), return_exceptions=True)
        connection.terminate()
        other.terminate()


@pytest.mark.parametrize("how", ["frozen", "busy"])
async def test_a_start_ends_what_a_killed_server_left_behind(data_dir: Path, holds: Holds, how: str) -> None:
    holder, url = holds(data_dir)
    async with stuck(url, how=how) as pid:
        kill_server(data_dir, holder)
        with capture_logs() as logs:
            held = EmbeddedPostgres.open(data_dir)
        assert process_name(pid) is None
        held.close()
    assert [(entry["event"], entry["pids"]) for entry in logs] == [
        ("database.leftovers_found", [pid]),
        ("database.leftovers_killed", [pid]),
    ]


async def test_a_service_that_lives_starts_its_server_again_all_the_same(data_dir: Path) -> None:
    held = EmbeddedPostgres.open(data_dir)
    async with stuck(held.url) as pid:
        kill_server(data_dir)
        assert held.revive()
        assert process_name(pid) is None
    held.close()


async def test_a_start_waits_for_a_server_that_recovers_from_the_death_of_a_backend(
    data_dir: Path, ask: Ask, holds: Holds
) -> None:
    """The server kills the frozen session only after some seconds, and takes no other until then."""
    holder, url = holds(data_dir)
    async with stuck(url), stuck(url) as pid:
        os.kill(pid, signal.SIGKILL)
        while "terminating any other active server processes" not in Layout.of(data_dir).log.read_text():
            pass
        holder.kill()
        holder.wait()
        held = EmbeddedPostgres.open(data_dir)
        assert await asyncio.to_thread(ask, held.url, "SELECT 1") == 1
        held.close()


async def test_a_start_without_the_servers_file_ends_it_all_the_same(data_dir: Path, holds: Holds) -> None:
    holder, url = holds(data_dir)
    async with stuck(url) as pid:
        kill_server(data_dir, holder)
        (data_dir / "postgres/postmaster.pid").unlink()
        EmbeddedPostgres.open(data_dir).close()
        assert process_name(pid) is None


async def test_processes_of_another_data_directory_are_left_alone(data_dir: Path, folder: Path, holds: Holds) -> None:
    other = copied(data_dir, folder / "other")
    (holder, url), (other_holder, other_url) = holds(data_dir), holds(other)
    async with stuck(url) as pid, stuck(other_url) as other_pid:
        kill_server(data_dir, holder)
        kill_server(other, other_holder)
        EmbeddedPostgres.open(data_dir).close()
        assert process_name(pid) is None
        assert process_name(other_pid) == "postgres"


async def test_another_program_that_stands_in_the_directory_is_left_alone(
    data_dir: Path, holds: Holds, bystander: subprocess.Popen[bytes]
) -> None:
    holder, url = holds(data_dir)
    async with stuck(url):
        kill_server(data_dir, holder)
        EmbeddedPostgres.open(data_dir).close()
    assert bystander.poll() is None


def test_a_single_user_server_of_an_operator_is_named_and_left_alone(data_dir: Path, folder: Path) -> None:
    layout = Layout.of(data_dir)
    user = choose_user(layout.pgdata)
    binaries = find_binaries(user, folder / "copies", None)
    single = subprocess.Popen(
        [binaries.folder / "postgres", "--single", "-D", layout.pgdata, "segue"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        **user.process_options(),
    )
    while not (layout.pgdata / "postmaster.pid").exists():
        assert single.poll() is None
    with pytest.raises(StartError, match=f"process {single.pid} .* works on {layout.pgdata}"):
        EmbeddedPostgres.open(data_dir)
    assert single.poll() is None
    single.communicate(b"")
    EmbeddedPostgres.open(data_dir).close()


def test_a_process_that_cannot_be_found_is_explained(data_dir: Path, holds: Holds) -> None:
    holder, _ = holds(data_dir)
    memory = (data_dir / "postgres/postmaster.pid").read_text().splitlines()[6].split()[1]
    attached = subprocess.Popen(
        [sys.executable, "-c", ATTACHES, memory], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert attached.stdout
    assert int(attached.stdout.readline()) > 0
    kill_server(data_dir, holder)
    with pytest.raises(StartError, match=r"still in use; a process that cannot be seen from here .* has it: end it"):
        EmbeddedPostgres.open(data_dir)
    attached.communicate("")
    EmbeddedPostgres.open(data_dir).close()


def started_without(capability: int, data_dir: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LOSES, str(capability), sys.executable, HOLDER, data_dir],
        env=os.environ | {"PYTHONPATH": str(HOLDER.parents[3])},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="these are rights of root on Linux")
async def test_a_root_that_may_not_look_at_others_processes_finds_them_all_the_same(
    data_dir: Path, holds: Holds
) -> None:
    holder, url = holds(data_dir)
    async with stuck(url) as pid:
        kill_server(data_dir, holder)
        started = started_without(CAP_SYS_PTRACE, data_dir)
        assert started.stdout.splitlines()[-1] == url
        assert started.returncode == 0
        assert process_name(pid) is None


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="these are rights of root on Linux")
async def test_a_process_that_may_not_be_ended_is_named(data_dir: Path, holds: Holds) -> None:
    holder, url = holds(data_dir)
    async with stuck(url) as pid:
        kill_server(data_dir, holder)
        started = started_without(CAP_KILL, data_dir)
        assert started.returncode == 2
        assert f"process {pid} of an earlier server still works on {data_dir}" in started.stdout
        assert process_name(pid) == "postgres"


@pytest.mark.skipif(shutil.which("lsof") is None, reason="it asks lsof, which every macOS has")
def test_macos_finds_them_too(data_dir: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = copied(data_dir, folder / "other")
    servers = [EmbeddedPostgres.open(opened) for opened in (data_dir, other)]
    layout = Layout.of(data_dir)
    user = choose_user(layout.pgdata)
    everywhere = standing_in(layout, user)
    monkeypatch.setattr("app.database.embedded.leftovers.COMMAND", (shutil.which("lsof"), *MACOS[1:]))
    assert sorted(standing_in(layout, user)) == sorted(everywhere)
    assert server_pid(data_dir) in everywhere
    assert server_pid(other) not in everywhere
    for server in servers:
        server.close()
