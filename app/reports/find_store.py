"""Finds what an id or a contact names, and the people of the newest events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.database.engine import busy_when_gone
from app.reports.id_times import first_id, time_of
from app.reports.store import PLAN_FOR_VALUES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

MOST_NEWEST = 1_000  # newest events that are looked at for people
# An event's id is made soon after that of its delivery, by the same process, and is greater.
SOON_MILLISECONDS = 10_000

# An accepted delivery names its source; its events are the next ones of that source.
FIND_DELIVERY = text("SELECT source, received_at, false AS rejected FROM deliveries WHERE id = :id")
FIND_REJECTED = text("SELECT source, received_at, true AS rejected FROM refused_deliveries WHERE id = :id")
FIRST_OF_DELIVERY = text("""
    SELECT id FROM events
    WHERE source = :source AND id >= :first AND id < :last AND delivery_id = :id ORDER BY source, id LIMIT 1
""")
EVENT_OF_DECISION = text("SELECT event_id FROM decisions WHERE id = :id")
# Of the same contact id in several accounts the newest enrollment is meant.
FIND_CONTACT = text("""
    SELECT email FROM unnest(CAST(:accounts AS text[])) AS account
    CROSS JOIN LATERAL (
        SELECT id, email FROM enrollments
        WHERE enrollments.account = account AND contact_id = :contact AND email <> 'forgotten'
        ORDER BY id DESC LIMIT 1
    ) AS newest ORDER BY id DESC LIMIT 1
""")
NEWEST_PEOPLE = text(f"""
    SELECT * FROM (
        SELECT DISTINCT ON (email) id, email, source, type, received_at, first_name, last_name, name
        FROM (
            SELECT id, email, source, type, received_at, first_name, last_name, name
            FROM events ORDER BY id DESC LIMIT {MOST_NEWEST}
        ) AS newest
        WHERE email IS NOT NULL ORDER BY email, id DESC
    ) AS people ORDER BY id DESC LIMIT :limit
""")  # noqa: S608  # the only text put in is a number
FIND_EVENT = text("SELECT id FROM events WHERE id = :id")
FIND_ENROLLMENT = text("SELECT id FROM enrollments WHERE id = :id")


@dataclass(frozen=True, slots=True)
class FoundDelivery:
    """A delivery: its source, whether it was rejected, and the first event that came of it, as far as that is known."""

    source: str
    rejected: bool
    event_id: str | None


class FindStore:
    """Finds things. Every method raises Busy while the database cannot be reached."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def has_event(self, id_: str) -> bool:
        """Return whether an event has this id."""
        return bool(await self._rows(FIND_EVENT, id=id_))

    async def has_enrollment(self, id_: str) -> bool:
        """Return whether an enrollment has this id."""
        return bool(await self._rows(FIND_ENROLLMENT, id=id_))

    async def event_of_decision(self, id_: str) -> str | None:
        """Return the event that a decision is about."""
        rows = await self._rows(EVENT_OF_DECISION, id=id_)
        return str(rows[0]["event_id"]) if rows else None

    async def delivery(self, id_: str) -> FoundDelivery | None:
        """Return a delivery that is still stored, accepted or rejected."""
        rows = await self._rows(FIND_DELIVERY, id=id_) or await self._rows(FIND_REJECTED, id=id_)
        if not rows:
            return None
        source, made = rows[0]["source"], time_of(id_)
        if rows[0]["rejected"] or made is None:
            return FoundDelivery(source, rows[0]["rejected"], None)
        first, last = first_id("evt", made), _later(made)
        found = await self._rows(FIRST_OF_DELIVERY, source=source, first=first, last=last, id=id_)
        return FoundDelivery(source, rejected=False, event_id=found[0]["id"] if found else None)

    async def person_of_contact(self, contact: str, accounts: Sequence[str]) -> str | None:
        """Return the address of the newest enrollment of a HubSpot contact, None where there is none."""
        rows = await self._rows(FIND_CONTACT, contact=contact, accounts=list(accounts))
        return str(rows[0]["email"]) if rows else None

    async def newest_people(self, limit: int) -> list[dict[str, Any]]:
        """Return the people of the newest events, each with the newest one."""
        return await self._rows(NEWEST_PEOPLE, limit=limit)

    async def _rows(self, statement: Any, **values: Any) -> list[dict[str, Any]]:
        with busy_when_gone():
            async with self._engine.connect() as connection:
                return await _read(connection, statement, values)


async def _read(connection: AsyncConnection, statement: Any, values: dict[str, Any]) -> list[dict[str, Any]]:
    await connection.execute(PLAN_FOR_VALUES)
    return [dict(row) for row in (await connection.execute(statement, values)).mappings()]


def _later(made: datetime) -> str:
    """Return the id before which the events of a delivery of that time stand."""
    return f"evt_{int(made.timestamp() * 1000) + SOON_MILLISECONDS:012x}"
