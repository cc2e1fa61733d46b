"""`postmaster.pid`, `postmaster.opts`: which server runs on a data directory, and whether it is the directory's own."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.database.embedded.layout import Layout

PROCESS_NUMBER = re.compile(r"[1-9][0-9]{0,9}")


@dataclass(frozen=True, slots=True)
class Postmaster:
    """The content of `postmaster.pid` (PostgreSQL's source, src/include/utils/pidfile.h)."""

    pid: int
    pgdata: Path
    socket_folder: Path
    ready: bool


def read_postmaster(pgdata: Path) -> Postmaster | None:
    """Return the server that `postmaster.pid` names; None when the file is missing or unusable."""
    try:
        lines = (pgdata / "postmaster.pid").read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return None
    lines += [""] * (8 - len(lines))
    if not PROCESS_NUMBER.fullmatch(lines[0].strip()):
        return None
    return Postmaster(int(lines[0]), Path(lines[1]), Path(lines[4]), lines[7].strip() == "ready")


def program_folder(pgdata: Path) -> Path | None:
    """Return the folder of the programs that were last started on a data directory, None when it cannot be read.

    PostgreSQL writes its command line into `postmaster.opts`: the path as it is, each argument in quotes.
    """
    try:
        program, quoted, _ = (pgdata / "postmaster.opts").read_text(errors="replace").partition(' "')
    except OSError:
        return None
    return Path(program).parent if quoted else None


def running(layout: Layout) -> Postmaster | None:
    """Return the live server of this data directory, None when the file is stale.

    A copied directory holds the file of the original, and after a reboot the number may be another program's.
    """
    found = read_postmaster(layout.pgdata)
    ours = found is not None and found.pgdata == layout.pgdata and process_name(found.pid) == "postgres"
    return found if ours else None


def process_name(pid: int) -> str | None:
    """Return the program that runs as `pid`, None when it has ended (reaped or not)."""
    if sys.platform != "linux":
        command = ["/bin/ps", "-o", "stat=,ucomm=", "-p", str(pid)]
        words = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()  # noqa: S603  # no shell
        return None if len(words) < 2 or words[0].startswith("Z") else words[1]  # noqa: PLR2004  # state and name
    try:
        line = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    name, _, rest = line.partition("(")[2].rpartition(")")
    return None if rest.split()[0] in "ZX" else name
