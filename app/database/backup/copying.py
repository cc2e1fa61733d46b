"""Dump and restore. An interruption leaves no partial file and no partial database."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from app.database.backup.archive import rewound
from app.database.backup.contents import SEQUENCES
from app.database.embedded.cluster import sync_folder
from app.database.migrate import MIGRATION_LOCK
from app.database.restore_marks import INSTALLATION, marking
from app.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from typing import IO, BinaryIO

    from app.database.embedded.binaries import Binaries

LOCK_SECONDS = 60
DUMPING = ("--format=custom", "--no-owner", "--no-privileges", "--no-password", "--strict-names")
# VERBOSITY: the DETAIL of a refused row would contain e-mail addresses.
LOADING = (
    *("--no-psqlrc", "--quiet", "--no-password", "--output=/dev/null"),
    *("--set=ON_ERROR_STOP=1", "--set=VERBOSITY=terse"),
)
LOADED = b"loaded\n"


@contextmanager
def whole_file(target: Path) -> Iterator[BinaryIO]:
    """Yield a file beside `target` that replaces it when the block succeeds, and is removed otherwise.

    Only its owner can read it. A process that is killed leaves `.NAME.*.part` behind. Raises StartError and OSError.
    """
    place = Path(os.path.realpath(target))
    if place.exists() and not place.is_file():
        raise StartError(f"{target} is not a file: name a file, or `-` for standard output")
    descriptor, name = tempfile.mkstemp(prefix=f".{place.name}.", suffix=".part", dir=place.parent)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        Path(name).replace(place)
        sync_folder(place.parent)
    finally:
        Path(name).unlink(missing_ok=True)


def dump(programs: Binaries, environment: Mapping[str, str], relations: Mapping[str, str], target: IO[bytes]) -> None:
    """Write these tables and sequences to `target`, as they are at one moment. Raises StartError and OSError."""
    waiting = f"--lock-wait-timeout={LOCK_SECONDS}s"
    command: list[str | Path] = [
        programs.folder / "pg_dump",
        *DUMPING,
        waiting,
        *(f"--table={qualified}" for qualified in relations.values()),
    ]
    with tempfile.TemporaryFile() as errors:
        # Through a pipe, not into the file: the program then ends with this process, in whatever way that ends.
        with _running(command, environment, errors, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as child:
            shutil.copyfileobj(_end_of(child.stdout), target)
            target.flush()
        if child.returncode:
            raise StartError(f"the backup was not made: {_first_error(errors)}")


def restore(
    programs: Binaries,
    environment: Mapping[str, str],
    file: BinaryIO,
    *,
    replaced: Mapping[str, str],
    tables: Mapping[str, str],
    made_at: datetime,
    carried: tuple[str, str] = ("", ""),
) -> None:
    """Replace the relations `replaced` by the content of `file`, in one transaction. Raises StartError.

    The database is marked as one that holds what was so at `made_at`. `tables` are those in the file, each with its
    name as SQL writes it.

    psql receives the beginning of the transaction from this function, the tables from pg_restore, and the commit from
    this function again, once psql has executed everything before it: without the commit nothing changes. `carried` is
    SQL that keeps what a backup must not undo, and SQL that puts it into the tables of the file.
    """
    with tempfile.TemporaryFile() as errors:
        complete = False
        psql: list[str | Path] = [programs.folder / "psql", *LOADING]
        with _running(psql, environment, errors, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            script = _end_of(child.stdin)
            with suppress(BrokenPipeError):  # psql has ended early, and has written the reason.
                script.write(_beginning(replaced, carried[0]).encode())
                if _write_script(programs, environment, file, script, errors):
                    script.write(_ending(tables, made_at, carried[1]).encode())
                    complete = _end_of(child.stdout).readline() == LOADED
                if complete:
                    script.write(b"COMMIT;\n")
        if not complete:
            raise StartError(f"nothing was restored, the database is as it was: {_first_error(errors)}")
        if child.returncode:
            raise StartError(
                f"the server has not confirmed the restore, look what the database holds: {_first_error(errors)}"
            )


def _beginning(replaced: Mapping[str, str], keep: str) -> str:
    """Return the SQL that begins the transaction, makes services that start meanwhile wait, and drops `replaced`."""
    tables = ", ".join(qualified for name, qualified in replaced.items() if name not in SEQUENCES)
    sequences = ", ".join(qualified for name, qualified in replaced.items() if name in SEQUENCES)
    return "\n".join(
        [
            "BEGIN;",
            f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s';",
            f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK});",
            keep,
            *([f"DROP TABLE {tables};"] if tables else []),
            *([f"DROP SEQUENCE {sequences};"] if sequences else []),
            "",
        ]
    )


def _ending(tables: Mapping[str, str], made_at: datetime, carry: str) -> str:
    """Return the SQL that marks the database, analyses its tables, and has psql confirm that it executed all before."""
    marked = marking(tables[INSTALLATION], made_at) if INSTALLATION in tables else ""
    return f"{marked}\n{carry}\nANALYZE {', '.join(tables.values())};\n\\echo {LOADED.decode()}"


def _write_script(
    programs: Binaries, environment: Mapping[str, str], file: BinaryIO, script: IO[bytes], errors: IO[bytes]
) -> bool:
    """Write the tables in `file` to `script` as SQL; tell whether that succeeded."""
    ended = subprocess.run(  # noqa: S603  # PostgreSQL's own program, without a shell
        [programs.folder / "pg_restore", "--file=-", "--no-owner", "--no-privileges"],
        stdin=rewound(file),
        stdout=script,
        stderr=errors,
        env=dict(environment),
        check=False,
    )
    return ended.returncode == 0


@contextmanager
def _running(
    command: Sequence[str | Path], environment: Mapping[str, str], errors: IO[bytes], *, stdin: int, stdout: int
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program during the block, and wait for its end; kill it when the block fails."""
    with subprocess.Popen(  # noqa: S603  # PostgreSQL's own program, without a shell
        command, bufsize=0, stdin=stdin, stdout=stdout, stderr=errors, env=dict(environment)
    ) as child:
        try:
            yield child
            if child.stdin:
                child.stdin.close()
            child.wait()
        except BaseException:
            child.kill()
            raise


def _end_of(pipe: IO[bytes] | None) -> IO[bytes]:
    """Return this process's end of a requested pipe."""
    if pipe is None:
        raise TypeError("a program was started without the pipe to it")
    return pipe


def _first_error(errors: IO[bytes]) -> str:
    """Return the first error in the programs' output, or else its first line."""
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    return next((line for line in lines if "error" in line.lower()), lines[0] if lines else "it was cut short")
