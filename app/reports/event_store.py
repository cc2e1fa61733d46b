"""Reads what the pages of events show: one event with all that came of it, and lists of events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.catalogue.listing_store import Names, read_names
from app.database.engine import busy_when_gone
from app.reports import event_statements as sql
from app.reports.journal_store import read_journals
from app.reports.store import PLAN_FOR_VALUES
from app.rules.store import READ_EARLIER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from app.reports.event_statements import EventFilters

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class EventPage:
    """One page of events, newest first, each with its decisions and what they came to.

    `looked_back_to` is the key at which the look ended before it came to the end of the list, None where it did not.
    """

    rows: tuple[Row, ...]
    became: Mapping[str, Sequence[Row]]
    names: Names
    looked_back_to: str | None = None


@dataclass(frozen=True, slots=True)
class EventStory:
    """One event with its delivery's head, its decisions with what they came to, oldest first, and what was sent.

    `journals` are those of its enrollments. `documents` is the text of the rules that decided last, None where they are
    not kept.
    """

    event: Row
    decisions: tuple[Row, ...]
    journals: Mapping[str, Sequence[Mapping[str, Any]]]
    sent: tuple[Row, ...]
    documents: str | None
    names: Names

    @property
    def is_readable(self) -> bool:
        """Whether the payload is still stored."""
        return self.event["data"] is not None

    @property
    def latest(self) -> tuple[Row, ...]:
        """The decisions that were made last; the ones before them were replaced."""
        last = max((one["decided_at"] for one in self.decisions), default=None)
        return tuple(one for one in self.decisions if one["decided_at"] == last)


class EventStore:
    """Reads events. Every method raises Busy while the database cannot be reached."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def event(self, id_: str) -> EventStory | None:
        """Return one event, None where nothing has this id."""
        with busy_when_gone():
            async with self._engine.connect() as connection:
                event = await _row(connection, id_)
                return None if event is None else await _story(connection, event)

    async def row(self, id_: str) -> Row | None:
        """Return one event without what became of it, None where nothing has this id."""
        with busy_when_gone():
            async with self._engine.connect() as connection:
                return await _row(connection, id_)

    async def page(self, filters: EventFilters) -> EventPage:
        """Return up to `limit` events."""
        with busy_when_gone():
            async with self._engine.connect() as connection:
                await connection.execute(PLAN_FOR_VALUES)
                rows = [dict(row) for row in (await connection.execute(sql.listed(filters))).mappings()]
                became = await _became(connection, [row["id"] for row in rows])
                names = await _names(connection, (one for several in became.values() for one in several))
                whole = filters.is_indexed or len(rows) == filters.limit
                ended = None if whole else await _end_of_look(connection, filters)
        return EventPage(tuple(rows[::-1] if filters.after is not None else rows), became, names, ended)

    async def rejected(self, source: str | None = None, *, before: str | None = None, limit: int = 50) -> list[Row]:
        """List rejected deliveries without headers and bodies, newest first."""
        with busy_when_gone():
            async with self._engine.connect() as connection:
                rows = await connection.execute(sql.rejected(source, before=before, limit=limit))
                return [dict(row) for row in rows.mappings()]


async def _row(connection: AsyncConnection, id_: str) -> Row | None:
    await connection.execute(PLAN_FOR_VALUES)
    found = (await connection.execute(sql.READ, {"id": id_})).mappings().one_or_none()
    return None if found is None else dict(found)


async def _story(connection: AsyncConnection, event: Row) -> EventStory:
    decisions = (await _became(connection, [event["id"]])).get(event["id"], [])
    made = [one["enrollment_id"] for one in decisions if one["enrollment_id"]]
    journals = await read_journals(connection, made)
    sent = (await connection.execute(sql.SENT, {"ids": made})).mappings().all() if made else ()
    revision = max(decisions, key=lambda one: one["decided_at"])["revision"] if decisions else None
    earlier = (await connection.execute(READ_EARLIER, {"revision": revision})).one_or_none() if revision else None
    names = await _names(connection, decisions)
    documents = earlier.documents if earlier is not None else None
    return EventStory(event, tuple(decisions), journals, tuple(dict(row) for row in sent), documents, names)


async def _became(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    if ids:
        for row in (await connection.execute(sql.BECAME, {"ids": list(ids)})).mappings():
            found.setdefault(row["event_id"], []).append(dict(row))
    return found


async def _names(connection: AsyncConnection, decisions: Iterable[Row]) -> Names:
    rows = list(decisions)
    sequences = [row[name] for row in rows for name in ("sequence", "holder_sequence") if row[name]]
    users = [row["sender_user_id"] for row in rows if row["sender_user_id"]]
    return await read_names(connection, sequences=sequences, users=users)


async def _end_of_look(connection: AsyncConnection, filters: EventFilters) -> str | None:
    """Return the last id that was looked at, None where the list has come to its end."""
    row = (await connection.execute(sql.looked_back(filters))).one()
    return row.last if row.looked >= sql.LOOK else None
