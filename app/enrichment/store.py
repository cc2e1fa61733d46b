"""Thin events in the store: claimed, looked up, and then completed and decided in one statement."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.enrichment import statements as sql
from app.errors import FenceLost
from app.intake.rows import decided_rows
from app.intake.statements import ENRICHED, NOTIFY
from app.intake.store import accepted, notifications, notify_values
from app.intake.stored_event import event_of

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Row, TextClause
    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.intake.entries import Accepted, DecidedEvent
    from app.model import Event


@dataclass(frozen=True, slots=True)
class Enrichment:
    """One claimed thin event. `attempt` is its fence, `tries` counts failures since `first_failed_at`."""

    event_id: str
    delivery_id: str
    received_at: datetime
    event: Event
    attempt: int
    tries: int
    first_failed_at: datetime | None


@dataclass(frozen=True, slots=True)
class WaitingLookups:
    """How many thin events of a source wait after a lookup that failed for this reason, the oldest of `since`."""

    source: str
    reason: str
    events: int
    since: datetime
    detail: str


async def failing_lookups(engine: AsyncEngine) -> list[WaitingLookups]:
    """Return the thin events that wait after a failure, counted by source and reason."""
    async with engine.connect() as connection:
        rows = (await connection.execute(sql.WAITING)).all()
    return [WaitingLookups(row.source, row.reason, row.events, row.since, row.detail) for row in rows]


class EnrichmentStore:
    """The thin events that the worker named `worker` claims; `lease` is in seconds."""

    def __init__(self, engine: AsyncEngine, *, worker: str, lease: float) -> None:
        self._engine = engine
        self._worker = worker
        self._lease = lease

    async def claim(self, limit: int) -> list[Enrichment]:
        """Claim up to `limit` thin events that are due, oldest first."""
        values = {"worker": self._worker, "lease": self._lease, "limit": limit}
        return [_enrichment(row) for row in await self._run(sql.CLAIM, values)]

    async def due_in(self) -> float:
        """Return the seconds until a thin event is due or its lease may have run out, infinity where none waits."""
        (row,) = await self._run(sql.NEXT_DUE, {})
        return math.inf if row.seconds is None else float(row.seconds)

    async def later(self, enrichment: Enrichment, *, due_at: datetime, now: datetime, reason: str, detail: str) -> None:
        """Leave the event for another try. Raises FenceLost when another worker has claimed it since."""
        values = {
            "event_id": enrichment.event_id,
            "attempt": enrichment.attempt,
            "due_at": due_at,
            "first_failed_at": now,
            "reason": reason,
            "detail": detail,
        }
        if not await self._run(sql.LATER, values):
            raise FenceLost(enrichment.event_id)

    async def finish(
        self, enrichment: Enrichment, decided: DecidedEvent, *, after: str, reason: str | None, detail: str | None
    ) -> Accepted:
        """Write the event and its decisions together. Raises FenceLost when another worker has claimed it since.

        `after` is `done`, or `failed` where the lookup gave nothing.
        """
        outcome = {
            "event_id": enrichment.event_id,
            "attempt": enrichment.attempt,
            "after": after,
            "reason": reason,
            "detail": detail,
        }
        rows = decided_rows(decided, enrichment.delivery_id, enrichment.received_at)
        async with self._engine.begin() as connection:
            row = (await connection.execute(ENRICHED, rows | outcome)).one()
            if not row.new:
                raise FenceLost(enrichment.event_id)
        if row.accounts:
            await self._run(NOTIFY, notify_values(notifications(row.accounts)))
        taken = dict(zip(row.taken, row.holders, strict=True))
        return accepted((decided,), set(row.new), taken, frozenset(row.forgotten))

    async def hand_back(self) -> None:
        """Release the events that this worker claimed and did not finish, so that others claim them at once."""
        await self._run(sql.HAND_BACK, {"worker": self._worker})

    async def _run(self, statement: TextClause, values: dict[str, Any]) -> list[Row[Any]]:
        async with self._engine.begin() as connection:
            return list((await connection.execute(statement, values)).all())


def _enrichment(row: Row[Any]) -> Enrichment:
    event = event_of(row._mapping)  # noqa: SLF001  # SQLAlchemy's public name
    return Enrichment(row.id, row.delivery_id, row.received_at, event, row.attempt, row.tries, row.first_failed_at)
