"""The server's process: its start, whether it answers, and its stop."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from app.clock import in_words
from app.database.embedded.layout import NAME, SOCKET_NAME
from app.database.embedded.parameters import server_parameters
from app.database.embedded.pid_file import process_name, running
from app.errors import StartError

if TYPE_CHECKING:
    from pathlib import Path

    from app.database.embedded.binaries import Binaries
    from app.database.embedded.layout import Layout
    from app.database.embedded.pid_file import Postmaster
    from app.database.embedded.server_user import ServerUser

START_SECONDS = 120.0
FAST_STOP_SECONDS = 20.0
LAST_STOP_SECONDS = 5.0
POLL_SECONDS = 0.02
ANSWER_SECONDS = 5.0
LOG_LIMIT = 10 * 1024 * 1024
# The first message of a session (protocol 3.0, "Message Formats" in PostgreSQL's manual) without its length, and the
# error code with which a server answers it while it starts, stops or recovers.
SESSION = bytes.fromhex("00030000") + f"user\0{NAME}\0database\0{NAME}\0\0".encode()
CANNOT_CONNECT_NOW = b"C57P03\0"


def answers(folder: Path) -> bool:
    """Tell whether a server accepts sessions on the socket in `folder`. Raises PermissionError for a closed socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ANSWER_SECONDS)
        try:
            connection.connect(str(folder / SOCKET_NAME))
            connection.sendall((len(SESSION) + 4).to_bytes(4, "big") + SESSION)
            reply = connection.recv(4096)
        except (FileNotFoundError, ConnectionError, TimeoutError):
            return False
    return bool(reply) and CANNOT_CONNECT_NOW not in reply


def start(layout: Layout, binaries: Binaries, user: ServerUser, folder: Path) -> subprocess.Popen[bytes]:
    """Start the server, its socket in `folder`; return at once, before it is ready."""
    _disown(layout.pgdata)
    for stale in (folder / SOCKET_NAME, folder / f"{SOCKET_NAME}.lock"):
        stale.unlink(missing_ok=True)  # The lock on the data directory is the one that counts.
    if layout.log.exists() and layout.log.stat().st_size > LOG_LIMIT:
        os.truncate(layout.log, 0)
    parameters = server_parameters(binaries.version[0], str(folder))
    options = [part for name, value in parameters.items() for part in ("-c", f"{name}={value}")]
    descriptor = os.open(layout.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "ab") as log:
        return subprocess.Popen(  # noqa: S603  # PostgreSQL's own program, without a shell
            [binaries.folder / "postgres", "-D", layout.pgdata, *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            **user.process_options(),
        )


def wait_until_ready(layout: Layout, child: subprocess.Popen[bytes] | None = None) -> Postmaster | None:
    """Wait for the server of this data directory; None when it ends meanwhile. Raises StartError when it hangs.

    `child` is the server where this process started it; it may not have written its file yet.
    """
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if child is not None and child.poll() is not None:
            return None
        found = running(layout)
        if found is None and child is None:
            return None
        if found is not None and found.ready and answers(found.socket_folder):
            return found
        time.sleep(POLL_SECONDS)
    raise StartError(
        f"the database in {layout.root} has not become ready in {in_words(START_SECONDS)}; see {layout.log}: if it is "
        f"still recovering, start again and Segue waits on; if not, end (kill -INT) the process that "
        f"{layout.pgdata / 'postmaster.pid'} names, and start again",
    )


def stop(layout: Layout, pid: int, child: subprocess.Popen[bytes] | None) -> None:
    """Stop the server `pid`: clients lose their sessions, and no commit is lost. Raises StartError if it hangs.

    The number of a `child` is certainly the server's; any other number must still be in the file.
    """
    if not (child.poll() is None if child else _is_named(layout, pid)):
        return
    for how, patience in ((signal.SIGINT, FAST_STOP_SECONDS), (signal.SIGQUIT, LAST_STOP_SECONDS)):
        with suppress(ProcessLookupError):  # It has ended by itself.
            os.kill(pid, how)
        if _ended_within(pid, patience):
            return
    raise StartError(f"the database server {pid} of {layout.root} does not stop; see {layout.log}")


def last_lines(log: Path, since: int, count: int = 5) -> str:
    """Return the last lines of the server's log, after the byte `since`, as one line."""
    with log.open("rb") as file:
        file.seek(since)
        lines = file.read().decode(errors="replace").splitlines()
    return " | ".join(line.strip() for line in lines[-count:])


def _disown(pgdata: Path) -> None:
    """Write this process's number into a stale `postmaster.pid`: PostgreSQL knows a file with its parent's as stale.

    Without the file PostgreSQL could not find the shared memory in it, by which it detects processes of a killed server
    that still work on this data directory (CreateLockFile in src/backend/utils/init/miscinit.c).
    """
    file = pgdata / "postmaster.pid"
    if file.exists():
        rest = file.read_text(errors="replace").splitlines()[1:]
        file.write_text("\n".join([str(os.getpid()), *rest]) + "\n")


def _is_named(layout: Layout, pid: int) -> bool:
    found = running(layout)
    return found is not None and found.pid == pid


def _ended_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while process_name(pid) == "postgres":
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
