"""The folders of the private server: where each of its files is, and who may reach them."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import StartError

if TYPE_CHECKING:
    from app.database.embedded.server_user import ServerUser

NAME = "segue"  # of the role and of the database
SOCKET_NAME = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 103  # bytes: macOS has room for 104 with the final zero, Linux for 108
PLAIN_PATH = re.compile(r"[A-Za-z0-9._/-]+")
SHORT_BASE = Path("/tmp")  # noqa: S108  # short, and the same for all processes whatever their TMPDIR; owner checked


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths in the data directory `root` (absolute, without symbolic links).

    `pgdata` is PostgreSQL's own data directory, `log` the server's log. The holder of `lock` may start and stop the
    server. `copies` are of the binaries, for a server's user who cannot read the installed ones.
    """

    root: Path
    pgdata: Path
    log: Path
    lock: Path
    copies: Path

    @classmethod
    def of(cls, data_dir: Path) -> Layout:
        """Return the layout of `data_dir` as the operator wrote it."""
        root = Path(os.path.realpath(data_dir))  # Unlike Path.resolve, it never raises.
        return cls(root, root / "postgres", root / "postgres.log", root / "lock", root / "binaries")


def make_root(data_dir: Path) -> Layout:
    """Make the data directory if it is missing. Raises StartError when its path is not a folder."""
    layout = Layout.of(data_dir)
    if layout.root.exists() and not layout.root.is_dir():
        raise StartError(f"{layout.root} is not a folder; set SEGUE_DATA_DIR to a folder that Segue may use")
    layout.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    return layout


def open_path(layout: Layout, user: ServerUser) -> None:
    """Let the server's user reach its files; change nothing outside the data directory.

    The data directory itself gets the permission to pass through, not to list. Raises StartError when the user may not
    pass through a folder above it.
    """
    if user.is_other:
        layout.root.chmod(layout.root.stat().st_mode | stat.S_IXOTH)
    blocked = user.blocked_at(layout.root)
    if blocked is not None:
        raise StartError(
            f"PostgreSQL does not run as root, and user {user.uid}, who runs it instead, may not pass through "
            f"{blocked} to the data directory {layout.root}; set SEGUE_DATA_DIR to a folder outside {blocked}, "
            "such as /var/lib/segue, or run Segue as a normal user",
        )


def socket_folder(layout: Layout, user: ServerUser) -> Path:
    """Return the private folder of the server's socket.

    It is in the data directory, or has a short path elsewhere when the path is too long for a socket or contains
    characters with a meaning in a connection URL or in PostgreSQL's list of folders.
    """
    inside = layout.root / "socket"
    if len(os.fsencode(inside / SOCKET_NAME)) <= LONGEST_SOCKET_PATH and PLAIN_PATH.fullmatch(str(inside)):
        return _private_folder(inside, user)
    digest = hashlib.sha256(os.fsencode(layout.pgdata)).hexdigest()[:16]
    return _private_folder(SHORT_BASE / f"segue-{user.uid}-{digest}", user)


def remove_short_folder(layout: Layout, folder: Path) -> None:
    """Remove the socket's folder where it is outside the data directory: a stopped server leaves nothing there."""
    if folder.parent != layout.root:
        with suppress(FileNotFoundError):  # A cleaner of temporary files has removed it before.
            folder.rmdir()


def _private_folder(folder: Path, user: ServerUser) -> Path:
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {user.uid, os.geteuid()}:
        raise StartError(
            f"{folder}, the folder for the database's socket, belongs to user {found.st_uid}; remove it, "
            "or set SEGUE_DATA_DIR to a shorter path",
        )
    user.own(folder)
    folder.chmod(0o700)
    return folder
