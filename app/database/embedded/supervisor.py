"""Open, attach, close: the private PostgreSQL as other rooms use it."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from app.database.embedded.binaries import find_binaries, origin_of
from app.database.embedded.cluster import create_cluster, major_version
from app.database.embedded.layout import NAME, Layout, make_root, open_path, remove_short_folder, socket_folder
from app.database.embedded.leftovers import end_leftovers
from app.database.embedded.pid_file import program_folder, running
from app.database.embedded.postmaster import answers, last_lines, start, stop, wait_until_ready
from app.database.embedded.server_user import choose_user
from app.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from app.database.embedded.pid_file import Postmaster

REAP_SECONDS = 30
UNSEEN = "; a process that cannot be seen from here (of another user or container) has it: end it, and start again"
DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class EmbeddedPostgres:
    """The private server, held by this process, which stops it at the end whether it started it or attached to it.

    `url` is for SQLAlchemy with asyncpg. The server outlives a holder that is killed; the next `open` finds it.
    """

    def __init__(self, layout: Layout, lock: int, server: Postmaster, child: subprocess.Popen[bytes] | None) -> None:
        self.url = _url(server)
        self._layout = layout
        self._lock: int | None = lock
        self._pid = server.pid
        self._socket_folder = server.socket_folder
        self._child = child

    @classmethod
    def open(cls, data_dir: Path) -> EmbeddedPostgres:
        """Take the lock on `data_dir`; start the server there, or attach to a running one.

        Makes the folder and the database where they are missing. The first start blocks for about a second. Raises
        StartError.
        """
        with _explained(data_dir):
            layout = make_root(data_dir)
            lock = _take_lock(layout)
            try:
                server, child = _attach_or_start(layout)
            except BaseException:
                os.close(lock)
                raise
            return cls(layout, lock, server, child)

    def revive(self) -> bool:
        """Start the server again if it has ended by itself; tell whether it had. The URL stays the same. Blocks.

        Raises StartError when the server does not start.
        """
        if self._lock is None or running(self._layout) is not None:
            return False
        with _explained(self._layout.root):
            if self._child is not None:
                self._child.wait(timeout=REAP_SECONDS)
            server, self._child = _attach_or_start(self._layout)
            self._pid, self._socket_folder = server.pid, server.socket_folder
        return True

    def leave_to_parent(self) -> None:
        """Let go of the lock in a forked process: a copy of it would hold the data directory after the parent's end."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def close(self) -> None:
        """Stop the server and release the lock. A second call does nothing. Raises StartError if it does not stop."""
        if self._lock is None:
            return
        lock, self._lock = self._lock, None
        try:
            with _explained(self._layout.root):
                stop(self._layout, self._pid, self._child)
                if self._child is not None:
                    self._child.wait()
                remove_short_folder(self._layout, self._socket_folder)
        finally:
            os.close(lock)


def find(data_dir: Path) -> str | None:
    """Return the URL of the server that runs on `data_dir`, None when none answers. Raises StartError."""
    layout = Layout.of(data_dir)
    with _explained(layout.root):
        server = running(layout) if layout.root.is_dir() else None
        return _url(server) if server is not None and answers(server.socket_folder) else None


def attach(data_dir: Path) -> str:
    """Return the URL of the server that another process holds on `data_dir`. Raises StartError when none answers."""
    url = find(data_dir)
    if url is None:
        raise StartError(
            f"no database answers in {Layout.of(data_dir).root}; start `segue serve` first, or set SEGUE_DATABASE_URL "
            "(SEGUE_DATA_DIR, when `serve` uses another folder)",
        )
    return url


def origin(data_dir: Path) -> str:
    """Return in words where the programs are from that run on `data_dir`."""
    folder = program_folder(Layout.of(data_dir).pgdata)
    return origin_of(folder) if folder else "the private one"


def has_database(data_dir: Path) -> bool:
    """Tell whether `data_dir` holds a database, running or not. Raises StartError."""
    layout = Layout.of(data_dir)
    with _explained(layout.root):
        return (layout.pgdata / "PG_VERSION").is_file()


def _attach_or_start(layout: Layout) -> tuple[Postmaster, subprocess.Popen[bytes] | None]:
    user = choose_user(layout.pgdata)
    open_path(layout, user)
    major = major_version(layout, user)
    survivor = wait_until_ready(layout) if major is not None else None
    if survivor is not None:
        return survivor, None
    binaries = find_binaries(user, layout.copies, major)
    if major is None:
        create_cluster(layout, binaries, user)
    end_leftovers(layout, user)
    logged = layout.log.stat().st_size if layout.log.exists() else 0
    child = start(layout, binaries, user, socket_folder(layout, user))
    server = wait_until_ready(layout, child)
    if server is None:
        reason = last_lines(layout.log, logged if logged <= layout.log.stat().st_size else 0)
        hint = UNSEEN if "shared memory block" in reason else ""
        raise StartError(f"the database in {layout.root} does not start: {reason}{hint}; the whole log is {layout.log}")
    return server, child


def _take_lock(layout: Layout) -> int:
    """Return a descriptor that holds the lock. The system releases the lock when the process ends, in any way."""
    lock = os.open(layout.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(lock, 20, 0).decode(errors="replace").strip() or "unknown"
        os.close(lock)
        raise StartError(
            f"process {holder} already uses the data directory {layout.root}; stop it first, or set SEGUE_DATA_DIR to "
            "another folder (only `segue worker` shares the one of `segue serve`)",
        ) from None
    os.truncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


def _url(server: Postmaster) -> str:
    # Without a port in the URL, PGPORT in the environment would change the socket's name.
    query = urlencode({"host": str(server.socket_folder), "port": "5432"})
    return f"postgresql+asyncpg://{NAME}@/{NAME}?{query}"


@contextmanager
def _explained(data_dir: Path) -> Iterator[None]:
    """Turn errors of the operating system into StartError."""
    try:
        yield
    except subprocess.SubprocessError as error:
        raise StartError(f"PostgreSQL cannot be run for {data_dir}: {error}; check the machine's load") from error
    except OSError as error:
        place = error.filename or data_dir
        remedy = (
            "the disk is full: make room there"
            if error.errno in DISK_FULL
            else f"run Segue as the folder's owner, or set SEGUE_DATA_DIR to one that user {os.geteuid()} may write"
        )
        raise StartError(
            f"cannot use the data directory {data_dir}: {error.strerror or error}: {place}; {remedy}"
        ) from error
