"""All that is kept of a person, read table by table: the person's own rows, and rows that mention the address."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import or_, select

from app.database.engine import busy_when_gone
from app.database.schema import metadata
from app.people.erase_statements import FIND_ENROLLMENTS, FIND_EVENTS
from app.people.export import as_json
from app.people.forget_statements import IS_FORGOTTEN
from app.people.forget_store import ForgetStore
from app.people.search import mentioning
from app.people.search_statements import searches

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from app.people.whole import WholePerson

# By what the person's own rows are found: a column, and which of the values below it has.
OWN_BY = {
    "deliveries": (("id", "deliveries"),),
    "events": (("id", "events"),),
    "enrichments": (("event_id", "events"),),
    "decisions": (("event_id", "events"), ("email", "emails")),
    "enrollments": (("id", "enrollments"),),
    "journal": (("enrollment_id", "enrollments"),),
    "intents": (("email", "emails"),),
    "sticky_senders": (("subject", "emails"),),
    "suppressions": (("value", "emails"),),
    "outbound": (("enrollment_id", "enrollments"),),
    "sender_reservations": (("enrollment_id", "enrollments"),),
}


class ExportStore:
    """Reads what is kept of people."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def export(self, address: str) -> dict[str, Any]:
        """Return what is kept of a person. Raises ValueError where the address names none."""
        store = ForgetStore(self._engine)
        person = await store.whole(await store.named(address))
        async with self._engine.connect() as connection:
            found = await _found(connection, person)
            tables = {name: await _rows(connection, name, found) for name in OWN_BY}
            forgotten = (await connection.execute(IS_FORGOTTEN, {"emails": list(person.emails)})).mappings().all()
        for name, rows in (await self._mentions(person)).items():
            known = [_identity(name, row) for row in tables.get(name, [])]
            tables[name] = tables.get(name, []) + [row for row in rows if _identity(name, row) not in known]
        return {
            "exported_at": datetime.now(UTC),
            "person": {"emails": person.emails, "contacts": person.contacts},
            "forgotten": [dict(row) for row in forgotten],
            "tables": {name: rows for name, rows in tables.items() if rows},
        }

    async def document(self, address: str) -> bytes:
        """Return what is kept of a person as JSON. Raises ValueError where the address names none, and Busy.

        Every table is looked through: that takes minutes where millions of rows are kept.
        """
        with busy_when_gone():
            return as_json(await self.export(address))

    async def _mentions(self, person: WholePerson) -> dict[str, list[dict[str, Any]]]:
        """Return the rows that mention an address, of whichever person."""
        return {name: await mentioning(self._engine, one, person) for name, one in searches().items()}


async def _found(connection: AsyncConnection, person: WholePerson) -> dict[str, list[str]]:
    keys = person.named("emails", "accounts", "contacts")
    events = (await connection.execute(FIND_EVENTS, keys)).all()
    enrollments = list((await connection.execute(FIND_ENROLLMENTS, keys)).scalars())
    return {
        "emails": list(person.emails),
        "events": [row.id for row in events],
        "deliveries": [row.delivery_id for row in events],
        "enrollments": enrollments,
    }


async def _rows(connection: AsyncConnection, name: str, found: Mapping[str, list[str]]) -> list[dict[str, Any]]:
    table = metadata.tables[name]
    which = or_(*(table.c[column].in_(found[values]) for column, values in OWN_BY[name]))
    rows = await connection.execute(select(table).where(which).order_by(*table.primary_key.columns))
    return [dict(row) for row in rows.mappings()]


def _identity(name: str, row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[column.name] for column in metadata.tables[name].primary_key.columns)
