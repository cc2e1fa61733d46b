"""Processes that outlive a killed server: found by their working directory, waited for, then killed.

A process of PostgreSQL notices the death of its postmaster when it next waits for an event. A process that computes,
is stopped, or waits for a lock of a dead process does not notice. PostgreSQL does not start while one of them is
attached to the shared memory that line 7 of `postmaster.pid` names, or that belongs to the data directory by its inode
(CreateLockFile in src/backend/utils/init/miscinit.c, PGSharedMemoryCreate in src/backend/port/sysv_shmem.c).

Killing them loses nothing: what they have committed is in the write-ahead log, and the next start replays it.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from app.clock import in_words
from app.database.embedded.pid_file import process_name
from app.errors import StartError

if TYPE_CHECKING:
    from app.database.embedded.layout import Layout
    from app.database.embedded.server_user import ServerUser

PATIENCE_SECONDS = 5.0  # as long as a postmaster waits for its own children after a crash
DEATH_SECONDS = 30.0
POLL_SECONDS = 0.1
# The working directory of every process of a server is its data directory, even after a rename. These commands print
# the number of each process whose working directory is $0.
LINUX = (
    "/bin/sh",
    "-c",
    'for found in /proc/[0-9]*; do [ "$found/cwd" -ef "$0" ] && echo "${found#/proc/}"; done; true',
)
MACOS = ("/usr/sbin/lsof", "-t", "-a", "-c", "postgres", "-d", "cwd")
COMMAND = LINUX if sys.platform == "linux" else MACOS
OWNER = re.compile(r"-?([1-9][0-9]{0,9})\s")  # `postgres --single` writes its number with a minus

log = structlog.get_logger(__name__)


def end_leftovers(layout: Layout, user: ServerUser) -> None:
    """Wait for processes of an earlier server on the data directory, then kill them; return when none is left. Blocks.

    Raises StartError when a server of another owner works on it, or when a process does not end.
    """
    found = standing_in(layout, user)
    if not found:
        return
    owner = _owner(layout)
    if owner in found:
        raise StartError(
            f"process {owner} (another server, `postgres --single`, or a server whose data directory was moved) "
            f"works on {layout.pgdata}; end it, and start again",
        )
    log.warning("database.leftovers_found", pids=found, follows=f"they are killed after {in_words(PATIENCE_SECONDS)}")
    left = _left_after(PATIENCE_SECONDS, layout, user)
    if left:
        log.warning("database.leftovers_killed", pids=left)
        _kill(left, layout)
        left = _left_after(DEATH_SECONDS, layout, user)
    if left:
        raise StartError(_unended(left[0], layout, "does not end, although it was killed: its disk may not answer"))


def standing_in(layout: Layout, user: ServerUser) -> list[int]:
    """Return the live processes of PostgreSQL whose working directory is the data directory.

    The server's user runs the command: in most containers root may not inspect the processes of others
    (CAP_SYS_PTRACE).
    """
    output = user.run([*COMMAND, layout.pgdata]).stdout
    return [pid for pid in map(int, output.split()) if process_name(pid) == "postgres"]


def _owner(layout: Layout) -> int | None:
    """Return the process that `postmaster.pid` names, None when it names none."""
    try:
        match = OWNER.match((layout.pgdata / "postmaster.pid").read_text(errors="replace"))
    except FileNotFoundError:
        return None
    return int(match[1]) if match else None


def _left_after(seconds: float, layout: Layout, user: ServerUser) -> list[int]:
    """Return the processes that are left after `seconds`; return at once when there is none."""
    deadline = time.monotonic() + seconds
    while left := standing_in(layout, user):
        if time.monotonic() > deadline:
            break
        time.sleep(POLL_SECONDS)
    return left


def _kill(pids: list[int], layout: Layout) -> None:
    """Kill processes that were found a moment ago: the system does not reuse their numbers in so short a time."""
    for pid in pids:
        try:
            with suppress(ProcessLookupError):  # It has ended by itself.
                os.kill(pid, signal.SIGKILL)
        except PermissionError as error:
            raise StartError(_unended(pid, layout, "this process may not kill it (CAP_KILL)")) from error


def _unended(pid: int, layout: Layout, why: str) -> str:
    remedy = f"end it (kill -KILL {pid}), and start again"
    return f"process {pid} of an earlier server still works on {layout.root} and {why}; {remedy}"
