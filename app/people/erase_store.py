"""Erasing one person's own rows, and telling endpoints, in a transaction of the caller."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from app.database.listen import OUTBOUND_READY
from app.people import erase_statements as sql
from app.people.search_statements import BITE
from app.people.whole import WholePerson

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine


async def erased(connection: AsyncConnection, person: WholePerson) -> tuple[WholePerson, Counter[str], int]:
    """Erase the person's own rows; return the person with what was found, the counts, and how many are on their way."""
    keys = person.named("emails", "accounts", "contacts")
    events = (await connection.execute(sql.FIND_EVENTS, keys)).all()
    person = person.with_enrollments((await connection.execute(sql.FIND_ENROLLMENTS, keys)).scalars())
    found = {"events": [row.id for row in events], "deliveries": [row.delivery_id for row in events]}
    counts = await erase_rows(connection, person, found)
    waiting = (await connection.execute(sql.STILL_THERE, {"enrollments": list(person.enrollments)})).scalar_one()
    return person, counts, waiting


async def erase_rows(connection: AsyncConnection, person: WholePerson, found: Mapping[str, list[str]]) -> Counter[str]:
    """Erase these events and deliveries, and the rows of the person's addresses and enrollments; return the counts."""
    values = {"emails": list(person.emails), "enrollments": list(person.enrollments), **found}
    counts: Counter[str] = Counter()
    for name, statement in sql.ERASING.items():
        wanted = {key: value for key, value in values.items() if f":{key}" in statement.text}
        counts[name] = (await connection.execute(statement, wanted)).rowcount
    return +counts


async def events_of_contacts(engine: AsyncEngine, person: WholePerson) -> Counter[str]:
    """Erase HubSpot's own events of the person's contacts, a page at a time; return the counts."""
    counts: Counter[str] = Counter()
    values, after = person.named("portal_contacts") | {"bite": BITE}, ""
    while person.portal_contacts:
        async with engine.begin() as connection:
            page = (await connection.execute(sql.FIND_EVENTS_OF_CONTACTS, values | {"after": after})).one()
            if page.events:
                found = {"events": page.events, "deliveries": page.deliveries}
                counts += await erase_rows(connection, WholePerson(), found)
        after = page.last
        if after is None:
            break
    return counts


async def notify(connection: AsyncConnection, id_: str, person: WholePerson) -> int:
    """Note `person.forgotten` for the endpoints; return for how many.

    A contact that HubSpot has deleted, and that was never enrolled, is known to none of them.
    """
    if not (person.emails or person.enrollments):
        return 0
    body = json.dumps(_message(id_, person), ensure_ascii=False).encode()
    values = {"body": body, "channel": OUTBOUND_READY}
    return len((await connection.execute(sql.NOTIFY_ENDPOINTS, values)).all())


def _message(id_: str, person: WholePerson) -> dict[str, Any]:
    """Return what endpoints receive: by what they may know the person. It is erased once it was delivered."""
    contacts = [{"account": account, "contact_id": contact} for account, contact in person.contacts]
    data = {"forgetting_id": id_, "emails": list(person.emails), "contacts": contacts}
    return {"type": "person.forgotten", "data": data | {"enrollment_ids": list(person.enrollments)}}
