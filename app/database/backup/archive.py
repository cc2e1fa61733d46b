"""The content of a backup file, as pg_restore reads it."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from app.database.backup.contents import CORE, TABLES, newer
from app.database.migrate import VERSION_TABLE, knows
from app.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

    from app.database.backup.contents import Contents
    from app.database.embedded.binaries import Binaries

CREATED = re.compile(r"^; Archive created at (.+)$", re.MULTILINE)
SERVER = re.compile(r"^;\s+Dumped from database version: (\d+)", re.MULTILINE)
PROGRAMS = re.compile(r"^;\s+Dumped by pg_dump version: (\d+)", re.MULTILINE)
ROWS_OF = re.compile(rf"^\d+; \d+ \d+ TABLE DATA (.+) ({'|'.join(sorted(TABLES))}) ", re.MULTILINE)
REVISION = re.compile(rf"^COPY .*\b{VERSION_TABLE} .*;\n(\w+)$", re.MULTILINE)
ERROR = "pg_restore: error: "


@dataclass(frozen=True, slots=True)
class Archive:
    """A backup: its time, the major versions of its server and programs, and what it holds of Segue."""

    created: str
    server: int
    programs: int
    schema: str
    tables: tuple[str, ...]
    revision: str

    @property
    def made_at(self) -> datetime:
        """When it was made: what was committed before that is in it."""
        return datetime.strptime(self.created, "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC)

    @property
    def qualified(self) -> dict[str, str]:
        """Return its tables' names as SQL writes them, by their names."""
        schema = self.schema.replace('"', '""')
        return {table: f'"{schema}"."{table}"' for table in self.tables}


def read_archive(file: BinaryIO, programs: Binaries, environment: Mapping[str, str], name: str) -> Archive:
    """Return the content of `file`, which must be seekable. `name` stands for it in messages.

    Raises StartError when the file is not a backup of Segue.
    """
    listed = _read(file, programs, environment, name, "--list")
    rows = {table: schema for schema, table in ROWS_OF.findall(listed)}
    revision = REVISION.search(_read(file, programs, environment, name, "--data-only", f"--table={VERSION_TABLE}"))
    if not rows.keys() >= CORE or revision is None:
        raise StartError(f"{name} is not a backup of Segue: it holds no tables of Segue")
    if not knows(revision[1]):
        raise StartError(f"{name} {newer(revision[1])}; restore it with that version")
    created, server, by = (pattern.search(listed) for pattern in (CREATED, SERVER, PROGRAMS))
    if not (created and server and by):
        raise StartError(f"{name} does not say which PostgreSQL it was made with; make it by `segue backup`")
    return Archive(created[1], int(server[1]), int(by[1]), rows[VERSION_TABLE], tuple(sorted(rows)), revision[1])


def require_room(archive: Archive, name: str, contents: Contents, place: str) -> None:
    """Raise StartError where the archive cannot go into the database."""
    if archive.server > contents.server:
        raise StartError(
            f"{name} was made of PostgreSQL {archive.server}, and {place} is PostgreSQL {contents.server}: restore it "
            "into the same version or a newer one",
        )
    if archive.schema != contents.schema:
        raise StartError(
            f"{name} has its tables in the schema {archive.schema!r}, and {place} makes new ones in "
            f"{contents.schema!r}: give the user of the URL that schema, or set search_path in it",
        )


def rewound(file: BinaryIO) -> BinaryIO:
    """Return `file` at its beginning, for a program that reads it."""
    os.lseek(file.fileno(), 0, os.SEEK_SET)
    return file


def _read(file: BinaryIO, programs: Binaries, environment: Mapping[str, str], name: str, *options: str) -> str:
    """Return pg_restore's output for `file`. Raises StartError when pg_restore cannot read it."""
    ended = subprocess.run(  # noqa: S603  # PostgreSQL's own program, without a shell
        [programs.folder / "pg_restore", "--file=-", *options],
        stdin=rewound(file),
        capture_output=True,
        env=dict(environment),
        check=False,
    )
    if ended.returncode:
        lines = ended.stderr.decode(errors="replace").strip().splitlines() or ["it cannot be read"]
        raise StartError(f"{name} is not a backup of Segue: {lines[0].removeprefix(ERROR)}")
    return ended.stdout.decode(errors="replace")
