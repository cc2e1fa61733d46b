"""A stored event under its lock: what it is, what came of it, and the writing of what it comes to now."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.audit.act import forget_notes
from app.audit.store import note
from app.database.listen import ENROLLMENTS_READY, THIN_EVENTS_READY
from app.intake import redecide_statements as sql
from app.intake.earlier import EarlierDecision, EarlierEnrollment, outcome
from app.intake.rows import decided_rows
from app.intake.statements import NOTIFY
from app.intake.store import accepted, notify_values
from app.intake.stored_event import event_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from sqlalchemy import Row, TextClause
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncTransaction

    from app.intake.entries import Accepted, DecidedEvent
    from app.model import Event


@dataclass(frozen=True, slots=True)
class LockedEvent:
    """A stored event, locked until its transaction ends.

    `lookup` is the state of a thin event's lookup, None where there was none. `latest` are the decisions that were made
    last, `earlier` all enrollments that the event came to. `readable` says whether the payload is still stored.
    """

    connection: AsyncConnection
    id: str
    delivery_id: str
    received_at: datetime
    event: Event
    readable: bool
    lookup: str | None
    latest: tuple[EarlierDecision, ...]
    earlier: tuple[EarlierEnrollment, ...]

    async def write(
        self, decided: DecidedEvent, pairs: Sequence[tuple[str, str]], *, by: str
    ) -> tuple[Accepted, dict[str, str]]:
        """Write decisions, enrollments and what follows for the earlier ones; return which were replaced by which.

        `by` says who asks, for the journal.
        """
        times = await self._one(sql.READ_HEARD)
        rows = decided_rows(decided, self.delivery_id, self.received_at, expires_from=times.now)
        values = {
            "decisions": rows["decisions"],
            "delivery_id": self.delivery_id,
            "heard_at": times.heard_at,
            "detail": f"decided again ({by})",
            "old": [old for old, _ in pairs],
            "new": [new for _, new in pairs],
        }
        row = await self._one(sql.DECIDE_AGAIN, **values)
        taken = dict(zip(row.taken, row.holders, strict=True))
        replaced = dict(zip(row.replaced, row.successors, strict=True))
        made = [one.enrollment_id for one in decided.decisions if one.enrollment_id not in taken]
        before = {"outcome": outcome(self.latest, self.earlier)}
        after = {"decisions": [one.id for one in decided.decisions], "enrollments": made, "replaced": replaced}
        await note(self.connection, target=self.id, before=before, after=after)
        return accepted((decided,), set(row.new), taken, frozenset(row.forgotten)), replaced

    async def look_up(self) -> None:
        """Begin the lookup of a thin event, anew where it failed."""
        times = await self._one(sql.READ_HEARD)
        values = {"delivery_id": self.delivery_id, "source": self.event.source, "heard_at": times.heard_at}
        await self.connection.execute(sql.LOOK_UP, {"event_id": self.id} | values)
        await note(self.connection, target=self.id, before={"lookup": self.lookup}, after={"lookup": "ready"})

    async def _one(self, statement: TextClause, **values: Any) -> Row[Any]:
        return (await self.connection.execute(statement, {"event_id": self.id} | values)).one()


class RedecideStore:
    """Stored events that may be decided again: each in a transaction of its own, or all of them `within` one.

    Within one, each event has a savepoint, and workers are woken when that transaction is committed.
    """

    def __init__(self, engine: AsyncEngine, *, within: AsyncConnection | None = None) -> None:
        self._engine = engine
        self._within = within

    @asynccontextmanager
    async def locked(self, event_id: str, *, dry_run: bool) -> AsyncIterator[LockedEvent | None]:
        """Yield the event under its lock, None where there is none; `dry_run` rolls back whatever is written."""
        async with self._connection() as connection, self._transaction(connection) as transaction:
            yield await _read(connection, event_id)
            if dry_run:
                await transaction.rollback()
                forget_notes()

    async def listed(
        self, source: str, types: Sequence[str], *, since: datetime, first_id: str, after: str, limit: int
    ) -> list[str]:
        """Return the ids of a source's stored events of these types, received since then, oldest first."""
        values = {"source": source, "types": list(types), "since": since}
        values |= {"first_id": first_id, "after": after, "limit": limit}
        async with self._connection() as connection:
            return list((await connection.execute(sql.LIST_HEARD_BY_RULE, values)).scalars())

    async def of_enrollment(self, enrollment_id: str) -> tuple[str, str, str] | None:
        """Return event, account and state of an enrollment, None where there is none."""
        async with self._connection() as connection:
            row = (await connection.execute(sql.READ_ENROLLMENT, {"id": enrollment_id})).one_or_none()
        return None if row is None else (row.event_id, row.account, row.state)

    async def notify_workers(self) -> None:
        """Wake the workers that listen: there are rows to claim."""
        async with self._connection() as connection, self._transaction(connection):
            woken = ((ENROLLMENTS_READY, ""), (THIN_EVENTS_READY, ""))
            await connection.execute(NOTIFY, notify_values(woken))

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        if self._within is not None:
            yield self._within
        else:
            async with self._engine.connect() as connection:
                yield connection

    def _transaction(self, connection: AsyncConnection) -> AsyncTransaction:
        return connection.begin() if self._within is None else connection.begin_nested()


async def _read(connection: AsyncConnection, event_id: str) -> LockedEvent | None:
    values = {"event_id": event_id}
    lookup = (await connection.execute(sql.LOCK_LOOKUP, values)).one_or_none()
    row = (await connection.execute(sql.LOCK_EVENT, values)).one_or_none()
    if row is None:
        return None
    earlier = [EarlierEnrollment(*one) for one in await connection.execute(sql.LOCK_ENROLLMENTS, values)]
    latest = [EarlierDecision(*one) for one in await connection.execute(sql.READ_LATEST, values)]
    return LockedEvent(
        connection,
        row.id,
        row.delivery_id,
        row.received_at,
        event_of(row._mapping),  # noqa: SLF001  # SQLAlchemy's public name
        readable=row.data is not None,
        lookup=lookup.state if lookup else None,
        latest=tuple(latest),
        earlier=tuple(earlier),
    )
