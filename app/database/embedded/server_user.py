"""The user that runs the server. PostgreSQL refuses to run as root, so root uses an account without privileges."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NOBODY = 65534
COMMAND_SECONDS = 300


class ProcessOptions(TypedDict):
    """The options with which every process of the server is started."""

    cwd: str
    env: dict[str, str]
    start_new_session: bool
    user: int | None
    group: int | None
    extra_groups: list[int] | None


@dataclass(frozen=True, slots=True)
class ServerUser:
    """The ids under which the server's processes run and that own its files."""

    uid: int
    gid: int

    @property
    def is_other(self) -> bool:
        """Whether the server runs as another user than this process, which is then root."""
        return self.uid != os.geteuid()

    def own(self, path: Path) -> None:
        """Make the server's user the owner of `path`, which this process made."""
        if self.is_other:
            os.chown(path, self.uid, self.gid)

    def process_options(self) -> ProcessOptions:
        """Return the options to start a process as this user.

        The process gets its own session, so that Ctrl-C at the terminal does not reach it, a working directory that
        every user may enter, and nothing of our environment: that has secrets and PostgreSQL's own PG* settings.
        """
        return {
            "cwd": "/",
            "env": _environment(),
            "start_new_session": True,
            "user": self.uid if self.is_other else None,
            "group": self.gid if self.is_other else None,
            "extra_groups": [] if self.is_other else None,
        }

    def run(self, command: Sequence[str | Path], *, typed: str = "") -> subprocess.CompletedProcess[str]:
        """Run `command` to its end with `typed` as its input. Raises OSError and subprocess.SubprocessError."""
        return subprocess.run(  # noqa: S603  # the program is one of PostgreSQL's own, without a shell
            list(command),
            input=typed,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=COMMAND_SECONDS,
            check=False,
            **self.process_options(),
        )

    def blocked_at(self, folder: Path) -> Path | None:
        """Return the first folder of the path `folder` that the server's user may not pass through, None for none."""
        if not self.is_other:
            return None
        path = (*reversed(folder.parents), folder)
        return next((step for step in path if not self._may_pass(step.stat())), None)

    def _may_pass(self, step: os.stat_result) -> bool:
        if step.st_uid == self.uid:
            return bool(step.st_mode & stat.S_IXUSR)
        if step.st_gid == self.gid:
            return bool(step.st_mode & stat.S_IXGRP)
        return bool(step.st_mode & stat.S_IXOTH)


def choose_user(pgdata: Path) -> ServerUser:
    """Return the user for the server on `pgdata`: our own; under root, the folder's owner, else `nobody`."""
    if os.geteuid() != 0:
        return ServerUser(os.geteuid(), os.getegid())
    if pgdata.exists() and pgdata.stat().st_uid != 0:
        owner = pgdata.stat()
        return ServerUser(owner.st_uid, owner.st_gid)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        return ServerUser(NOBODY, NOBODY)
    return ServerUser(nobody.pw_uid, nobody.pw_gid)


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    # Without a fixed threshold a backend keeps up to twice what its largest statement took: 4 MB after a burst.
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", "MALLOC_TRIM_THRESHOLD_": "131072"} | kept
