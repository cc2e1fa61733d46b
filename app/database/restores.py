"""Notice that the database was restored: it has forgotten what happened after its copy was made.

The database keeps by what it is known, and when a worker last found it so. A copy takes that along, and is something
else: another database, new tables, a new timeline. What happened since that time may be forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import orjson
import structlog

from app.clock import elapsed_seconds
from app.database import restore_statements as sql
from app.database.births import born
from app.database.engine import sqlstate

if TYPE_CHECKING:
    from decimal import Decimal
    from pathlib import Path

    from app.database.direct import DirectConnection, DirectPool

# Classes of errors that say nothing of what the server tells: connections, transactions that the server allows no
# writing or has ended, resources, locks and a recovery that is under way, shutdown, files.
TROUBLE = frozenset({"08", "25", "40", "53", "55", "57", "58"})
CONFIRM_AFTER = timedelta(minutes=1)
LONGEST_WITHOUT_RECORD = datetime(2000, 1, 1, tzinfo=UTC)  # of a database that does not know when it was last in use

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the database was known by, and when it was last found so."""

    identity: dict[str, str | None]
    at: datetime

    @classmethod
    def read(cls, value: bytes | None) -> Seen | None:
        """Return what is noted, None where nothing is."""
        noted = orjson.loads(value) if value else {}
        return cls(noted["identity"], datetime.fromisoformat(noted["at"])) if noted else None

    def written(self) -> bytes:
        """Return it as it is noted."""
        return orjson.dumps({"identity": self.identity, "at": self.at})

    def is_same(self, other: Seen) -> bool:
        """Tell whether nothing that both know differs: not every server tells, or every process knows, everything."""
        mine, others = self.identity, other.identity
        return all(mine[key] == others[key] for key in mine.keys() & others.keys() if mine[key] and others[key])

    def confirmed(self, seen: Seen) -> Seen:
        """Return what is noted when `seen` is the same: what only another process can see stays noted."""
        return Seen(self.identity | {key: value for key, value in seen.identity.items() if value}, seen.at)


class Restores:
    """Notices restores of one database, for one task of a process.

    `files` is what the process knows of the server's files. What was found holds for `fresh_seconds`: no server is
    stopped, restored and started within a second.
    """

    def __init__(self, *, files: str | None = None, fresh_seconds: float = 1.0) -> None:
        self._fresh_seconds = fresh_seconds
        self._files = files
        self._check = sql.CHECK
        self._fresh_until = 0.0
        self._is_restored = True
        self._position: Decimal | None = None
        self._seen_at: datetime | None = None

    async def open(self, pool: DirectPool) -> None:
        """Find out what the server tells, and notice a restore."""
        self._fresh_until = 0.0
        try:
            await pool.fetch(self._check, {"files": self._files})
        except asyncpg.PostgresError as error:
            if (sqlstate(error) or "")[:2] in TROUBLE:
                raise
            self._check = sql.CHECK_TABLES
        async with pool.transaction() as connection:
            await self.notice(connection)

    async def notice(self, connection: DirectConnection) -> bool:
        """Notice a restore in the transaction of `connection`; return whether there ever was one."""
        if elapsed_seconds() < self._fresh_until:
            return self._is_restored
        looked_at = elapsed_seconds()
        row, seen = await self._look(connection)
        noted = Seen.read(row["noted"])
        if noted is None or row["marked"] is not None or self._is_other(noted, seen, row):
            # The transaction may be rolled back: the next one looks again, and still knows the position before.
            self._is_restored = await self._note(connection)
            if self._position is None:
                self._position, self._seen_at = row["position"], seen.at
            return self._is_restored
        if seen.at - noted.at > CONFIRM_AFTER:
            await connection.fetch(sql.CONFIRM, {"value": noted.confirmed(seen).written()})
        self._position, self._seen_at = row["position"], seen.at
        self._fresh_until, self._is_restored = looked_at + self._fresh_seconds, row["latest"] is not None
        return self._is_restored

    async def _look(self, connection: DirectConnection) -> tuple[Any, Seen]:
        (row,) = await connection.fetch(self._check, {"files": self._files})
        return row, Seen(orjson.loads(row["identity"]), row["now"])

    async def _note(self, connection: DirectConnection) -> bool:
        """Note a restore, unless another process has noted it meanwhile, and what the database is known by now.

        Return whether there ever was one.
        """
        await connection.fetch(sql.LOCK, {})
        row, seen = await self._look(connection)
        noted = Seen.read(row["noted"])
        if row["marked"] is not None or (noted is not None and self._is_other(noted, seen, row)):
            since = _since(row["marked"], noted)
            await connection.fetch(sql.INSERT, {"since": since, "until": seen.at})
            await connection.fetch(sql.UNMARK, {})
            log.warning("database.restored", since=since.isoformat(), until=seen.at.isoformat())
        await connection.fetch(sql.NOTE, {"value": seen.written()})
        row, _ = await self._look(connection)
        return row["latest"] is not None

    def _is_other(self, noted: Seen, seen: Seen, row: Any) -> bool:
        """Tell whether this is another database than the one noted, or an earlier one than this process has seen."""
        if not noted.is_same(seen):
            return True
        before, position, latest = self._position, row["position"], row["latest"]
        is_noticed = latest is not None and self._seen_at is not None and latest > self._seen_at
        return before is not None and position is not None and position < before and not is_noticed


def files_of(pgdata: Path) -> str | None:
    """Return what a copy of the server's folder does not share with it, None where this process cannot look.

    PostgreSQL writes these files once. Copied, they are other files.
    """
    try:
        return " ".join(born(pgdata / name) for name in ("PG_VERSION", "base/1/PG_VERSION"))
    except OSError:
        return None


def _since(marked: bytes | None, noted: Seen | None) -> datetime:
    """Return from when on something may be forgotten."""
    if marked is not None:
        return datetime.fromisoformat(marked.decode())
    return noted.at if noted is not None else LONGEST_WITHOUT_RECORD
