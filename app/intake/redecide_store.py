"""A stored event under its lock: what it is, what came of it, and the writing of what it comes to now."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.audit.store import note
from app.database.listen import ENROLLMENTS_READY, THIN_EVENTS_READY
from app.intake import redecide_statements as sql
from app.intake.earlier import EarlierDecision, EarlierEnrollment, outcome
from app.intake.rows import decided_rows
from app.intake.statements import NOTIFY
from app.intake.store import accepted, notify_values
from app.intake.stored_event import event_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncTransaction

    from app.intake.entries import Accepted, DecidedEvent
    from app.model import Event


@dataclass(frozen=True, slots=True)
class LockedEvent:
    """A stored event, locked until its transaction ends.

    `lookup` is the state of a thin event's lookup, None where there was none. `latest` are the decisions that were made
    last, `earlier` all enrollments that the event came to. `readable` says whether the payload is still stored.
    `heard_at` is when the event was accepted, `now` when all this was read. `dry_run`: what is written is rolled back.
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
    heard_at: datetime
    now: datetime
    dry_run: bool

    async def write(
        self, decided: DecidedEvent, pairs: Sequence[tuple[str, str]], *, by: str
    ) -> tuple[Accepted, dict[str, str]]:
        """Write decisions, enrollments and what follows for the earlier ones; return which were replaced by which.

        `by` says who asks, for the journal.
        """
        rows = decided_rows(decided, self.delivery_id, self.received_at, expires_from=self.now)
        values = {
            "decisions": rows["decisions"],
            "delivery_id": self.delivery_id,
            "heard_at": self.heard_at,
            "detail": f"decided again ({by})",
            "old": [old for old, _ in pairs],
            "new": [new for _, new in pairs],
        }
        row = (await self.connection.execute(sql.DECIDE_AGAIN, {"event_id": self.id} | values)).one()
        taken = dict(zip(row.taken, row.holders, strict=True))
        replaced = dict(zip(row.replaced, row.successors, strict=True))
        made = [one.enrollment_id for one in decided.decisions if one.enrollment_id not in taken]
        before = {"outcome": outcome(self.latest, self.earlier)}
        after = {"decisions": [one.id for one in decided.decisions], "enrollments": made, "replaced": replaced}
        await self._note(before, after)
        return accepted((decided,), set(row.new), taken, frozenset(row.forgotten)), replaced

    async def look_up(self) -> None:
        """Begin the lookup of a thin event, anew where it failed."""
        values = {"delivery_id": self.delivery_id, "source": self.event.source, "heard_at": self.heard_at}
        await self.connection.execute(sql.LOOK_UP, {"event_id": self.id} | values)
        await self._note({"lookup": self.lookup}, {"lookup": "ready"})

    async def _note(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        if not self.dry_run:
            await note(self.connection, target=self.id, before=before, after=after)


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
            yield await _read(connection, event_id, dry_run=dry_run)
            if dry_run:
                await transaction.rollback()

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


async def _read(connection: AsyncConnection, event_id: str, *, dry_run: bool) -> LockedEvent | None:
    values = {"event_id": event_id}
    lookup = (await connection.execute(sql.LOCK_LOOKUP, values)).one_or_none()
    row = (await connection.execute(sql.LOCK_EVENT, values)).one_or_none()
    if row is None:
        return None
    earlier = [EarlierEnrollment(*one) for one in await connection.execute(sql.LOCK_ENROLLMENTS, values)]
    latest = (await connection.execute(sql.READ_LATEST, values)).all()
    return LockedEvent(
        connection,
        row.id,
        row.delivery_id,
        row.received_at,
        event_of(row._mapping),  # noqa: SLF001  # SQLAlchemy's public name
        readable=row.data is not None,
        lookup=lookup.state if lookup else None,
        latest=tuple(EarlierDecision(*one[2:]) for one in latest if one.verdict is not None),
        earlier=tuple(earlier),
        heard_at=latest[0].heard_at,
        now=latest[0].now,
        dry_run=dry_run,
    )
