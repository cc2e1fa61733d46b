"""`segue backup` and `segue restore`: which database is meant, and what must hold before anything is written."""

from __future__ import annotations

import shutil
import sys
import tempfile
from contextlib import contextmanager
from datetime import UTC
from typing import TYPE_CHECKING

import uvloop

from app.audit.act import command_act
from app.audit.store import DONE, AuditStore
from app.database.backup.archive import read_archive, require_room
from app.database.backup.contents import read_contents, require_replaceable, require_savable
from app.database.backup.copying import dump, restore, whole_file
from app.database.backup.programs import base_environment, environment_for, find_programs, newest_programs
from app.database.embedded import EmbeddedPostgres, find, has_database
from app.database.engine import STORE_TROUBLE, busy_when_gone, described, open_engine, require_server
from app.database.restore_marks import mark
from app.database.restore_marks import mark_moved as moved
from app.errors import Busy, StartError
from app.people.restored_store import brought_back, carrying, keeping, key_of_tombstones

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path
    from typing import BinaryIO

    from app.database.backup.contents import Contents
    from app.settings import Settings


def back_up(settings: Settings, environment: Mapping[str, str], target: Path | None) -> str:
    """Write the database to `target`, or to standard output when None; return what was done. Raises StartError."""
    place, base = place_of(settings), _base(settings, environment)
    with _file_trouble(f"cannot write {target or 'to standard output'}"), _saved(settings) as url:
        contents = uvloop.run(_read(url, rows=False))
        require_savable(contents, place)
        programs, reaching = find_programs(contents.server), environment_for(url, base)
        done = f"backed up {place} at migration {contents.revision}"
        if target is None:
            dump(programs, reaching, contents.relations, _standard_output())
            return f"{done} to standard output"
        with whole_file(target) as file:
            dump(programs, reaching, contents.relations, file)
            archive = read_archive(file, programs, base, "what was written")
        return f"{done}: {len(archive.tables)} tables, {target.stat().st_size:,} bytes in {target}"


def put_back(settings: Settings, environment: Mapping[str, str], source: Path | None, *, replace: bool) -> str:
    """Restore `source`, or standard input when None; return what was done. Raises StartError.

    `replace` deletes what the database holds, in the same transaction.
    """
    name, place, base = str(source or "standard input"), place_of(settings), _base(settings, environment)
    with _file_trouble(f"cannot read {name}"), _readable(source) as file:
        archive = read_archive(file, newest_programs(), base, name)
        with opened(settings) as url:
            contents = uvloop.run(_read(url, rows=True))
            require_replaceable(contents, place, replace=replace)
            require_room(archive, name, contents, place)
            programs = find_programs(contents.server, archive=archive.programs)
            reaching = environment_for(url, base)
            key, replaced = uvloop.run(_key_of_tombstones(url)), contents.relations
            restore(
                programs,
                reaching,
                file,
                replaced=replaced,
                tables=archive.qualified,
                made_at=archive.made_at,
                carried=(keeping(replaced), carrying(replaced, archive.qualified)),
            )
            uvloop.run(note(url, "restore", {"restored": archive.created}))
            again = uvloop.run(_forgotten_again(url, key)) if key else ""
    return f"restored {name} into {place}: {len(archive.tables)} tables as of {archive.created}{again}"


async def _key_of_tombstones(url: str) -> bytes | None:
    engine = open_engine(url, pool_size=1, command_timeout=None)
    try:
        with busy_when_gone():
            return await key_of_tombstones(engine)
    finally:
        await engine.dispose()


async def _forgotten_again(url: str, key: bytes) -> str:
    """Return what to say of people whom the backup brought back although they were forgotten since."""
    engine = open_engine(url, pool_size=1, command_timeout=None)
    try:
        with busy_when_gone():
            back = await brought_back(engine, key)
    finally:
        await engine.dispose()
    if back is None:
        return "\nthe tombstones of people who were forgotten do not fit this backup: forget those people again"
    return f"\n{back} people whom it brought back are forgotten again when a worker starts" if back else ""


def mark_restored(settings: Settings, as_of: datetime) -> str:
    """Mark the database as restored by other means; return what was done. Raises StartError."""
    with _saved(settings) as url:
        uvloop.run(mark(url, as_of))
        uvloop.run(note(url, "mark-restored", {"restored": as_of.isoformat()}))
    return (
        f"{place_of(settings)} counts as restored: it holds what was so at {as_of.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    )


def mark_moved(settings: Settings) -> str:
    """Mark the database as moved with all that it held; return what was done. Raises StartError."""
    with _saved(settings) as url:
        uvloop.run(moved(url))
        uvloop.run(note(url, "mark-moved", {}))
    return f"{place_of(settings)} counts as the one it was before: nothing is held or parked because it was moved"


async def _read(url: str, *, rows: bool) -> Contents:
    engine = open_engine(url, pool_size=1, command_timeout=None)
    try:
        await require_server(engine)
        with busy_when_gone():
            return await read_contents(engine, rows=rows)
    finally:
        await engine.dispose()


async def note(url: str, command: str, after: dict[str, str]) -> None:
    """Write a command into the audit log of its database; one of an older version has no such table."""
    engine = open_engine(url, pool_size=1)
    try:
        await AuditStore(engine).write(command_act(command), DONE, after=after)
    except (Busy, *STORE_TROUBLE):
        return
    finally:
        await engine.dispose()


@contextmanager
def _saved(settings: Settings) -> Iterator[str]:
    """Yield the URL of the database to save: the operator's, or the private one, started where it does not run."""
    running = find(settings.data_dir) if settings.database_url is None else None
    if running is not None:
        yield running
        return
    require_database(settings)
    with opened(settings) as url:
        yield url


def require_database(settings: Settings) -> None:
    """Raise StartError where the private database would have to be made first."""
    if settings.database_url is None and not has_database(settings.data_dir):
        raise StartError(
            f"there is no database in {settings.data_dir}: set SEGUE_DATA_DIR or SEGUE_DATABASE_URL to the service's",
        )


@contextmanager
def opened(settings: Settings) -> Iterator[str]:
    """Yield the URL of the database to restore into: the operator's, or the private one, which no service may hold."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    server = EmbeddedPostgres.open(settings.data_dir)
    try:
        yield server.url
    finally:
        server.close()


def place_of(settings: Settings) -> str:
    """Return what the operator knows the database by."""
    if settings.database_url is not None:
        return f"the database at {described(settings.database_url.get_secret_value())}"
    return f"the database in {settings.data_dir}"


def _base(settings: Settings, environment: Mapping[str, str]) -> dict[str, str]:
    """Return what PostgreSQL's programs need of the environment; its PG* variables are for the operator's database."""
    return base_environment(environment, libpq=settings.database_url is not None)


@contextmanager
def _readable(source: Path | None) -> Iterator[BinaryIO]:
    """Open the file; keep standard input in a temporary one, for it is read several times."""
    if source is not None:
        with source.open("rb") as file:
            yield file
        return
    if sys.stdin.isatty():
        raise StartError("standard input is a terminal: name a file, or pipe a backup in")
    with tempfile.TemporaryFile() as spooled:
        shutil.copyfileobj(sys.stdin.buffer, spooled)
        spooled.flush()
        yield spooled


def _standard_output() -> BinaryIO:
    if sys.stdout.isatty():
        raise StartError("standard output is a terminal: name a file, or pipe the backup on")
    return sys.stdout.buffer


@contextmanager
def _file_trouble(what: str) -> Iterator[None]:
    """Turn what the operating system refuses into one StartError."""
    try:
        yield
    except OSError as error:
        raise StartError(f"{what}: {error.strerror or error}") from error
