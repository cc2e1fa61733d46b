"""Forgetting someone in the database: each step is one transaction, and may be repeated."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.audit.store import note
from app.database.listen import FORGETTING_READY
from app.errors import StillForgetting
from app.people import forget_statements as sql
from app.people.addresses import normalise
from app.people.erase_statements import KNOWING
from app.people.erase_store import erased, events_of_contacts, notify
from app.people.inventory_statements import DROP
from app.people.inventory_store import InventoryStore
from app.people.search import pages
from app.people.search_statements import Search, searches
from app.people.whole import WholePerson, named_person, read_person, stored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import datetime

    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine


ERASED = "forgotten"  # stands in rows of everyone who was erased, in the place of the address
NO_ADDRESS = "this is no e-mail address, and nothing is stored under it: write one, such as ada@corp.example"


@dataclass(frozen=True, slots=True)
class Forgetting:
    """A request to forget someone: since when, and what was done. `done_at` is None while something is left."""

    id: str
    requested_by: str
    requested_at: datetime
    done_at: datetime | None
    counts: Mapping[str, int]


class ForgetStore:
    """Requests to forget people, and the steps that carry them out."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._searches = searches()

    async def request(self, id_: str, person: WholePerson, *, by: str) -> None:
        """Note that a person is to be forgotten. From its commit on it will be done, whatever crashes."""
        async with self._engine.begin() as connection:
            await connection.execute(sql.REQUEST, {"id": id_, "by": by, "person": json.dumps(stored(person))})
            await note(connection, target=id_, after={"requested": True})
            await connection.execute(sql.NOTIFY, {"channel": FORGETTING_READY})

    async def request_contact(self, id_: str, portal: str, contact: str, accounts: list[str], *, by: str) -> bool:
        """Note that a contact of HubSpot is to be forgotten, whose account is one of these; False where it was."""
        values = {"id": id_, "by": by, "portal": portal, "contact": contact, "accounts": accounts}
        async with self._engine.begin() as connection:
            new = (await connection.execute(sql.REQUEST_CONTACT, values)).first() is not None
            await connection.execute(sql.NOTIFY, {"channel": FORGETTING_READY})
        return new

    async def open(self) -> list[str]:
        """Return the ids of requests that are not done, oldest first."""
        async with self._engine.connect() as connection:
            return list((await connection.execute(sql.OPEN)).scalars())

    async def show(self, id_: str) -> Forgetting | None:
        """Return a request, None where there is none."""
        async with self._engine.connect() as connection:
            row = (await connection.execute(sql.SHOW, {"id": id_})).one_or_none()
        return None if row is None else _forgetting(row)

    async def page(self, after: str | None, limit: int, *, above: str | None = None) -> list[Forgetting]:
        """Return up to `limit` requests below the id `after`, newest first; with `above` those next above that id."""
        statement = sql.LIST if above is None else sql.LIST_ABOVE
        values = {"after": after} if above is None else {"above": above}
        async with self._engine.connect() as connection:
            rows = (await connection.execute(statement, values | {"limit": limit})).all()
        return [_forgetting(row) for row in (rows if above is None else rows[::-1])]

    async def named(self, address: str) -> WholePerson:
        """Return the person whom an operator names. Raises ValueError where that is no address and nothing has it.

        Tools send other texts in the place of an address, which are stored as they came: those can be named, too.
        """
        person = named_person(address)
        if normalise(address) is None:
            if person.emails[0] == ERASED:
                raise ValueError(NO_ADDRESS)
            own = await InventoryStore(self._engine).own(person)
            if not own.forgotten and not any(own.counts.values()):
                raise ValueError(NO_ADDRESS)
        return person

    async def whole(self, person: WholePerson, *, most: int | None = None) -> WholePerson:
        """Return the person with all addresses and contacts that are known to be the same.

        With `most`, so many enrollments of each of them are read.
        """
        async with self._engine.connect() as connection:
            return await _whole(connection, person, most)

    async def bury(self, id_: str) -> None:
        """Write the tombstones: from the commit on, no event enrolls the person. Nothing is decided meanwhile."""
        async with self._engine.begin() as connection:
            row = (await connection.execute(sql.LOCK, {"id": id_})).one()
            if row.done_at is None:
                await connection.execute(sql.LOCK_TIMEOUT)
                await connection.execute(sql.STOP_DECIDING)
                person = await _whole(connection, read_person(json.loads(row.person)))
                await connection.execute(sql.BURY, {"id": id_} | person.named("emails", "portal_contacts"))
                await _write(connection, id_, person, Counter(json.loads(row.counts)))

    async def erase(self, id_: str, *, finish: bool = False) -> bool:
        """Erase the person's own rows; return whether nothing is on its way any more.

        With `finish` and nothing on its way, endpoints are notified and the request is done, in the same transaction.
        """
        async with self._engine.begin() as connection:
            row = (await connection.execute(sql.LOCK, {"id": id_})).one()
            if row.done_at is not None:
                return True
            known = read_person(json.loads(row.person))
            whole = await _whole(connection, known)
            person, found, waiting = await erased(connection, whole)
            await connection.execute(DROP, person.named("emails"))
            counts = Counter(json.loads(row.counts)) + found
            # What was on its way may have found another address or contact: that has no tombstone yet.
            waiting += whole != known
            if waiting or not finish:
                await _write(connection, id_, person, counts)
            else:
                counts += Counter(endpoints=await notify(connection, id_, person))
                await connection.execute(sql.FINISH, {"id": id_, "counts": json.dumps(counts)})
            return not waiting

    async def search(self, id_: str) -> None:
        """Erase HubSpot's events of the contact, and the address wherever it is mentioned, a page at a time."""
        async with self._engine.begin() as connection:
            row = (await connection.execute(sql.LOCK, {"id": id_})).one()
        if row.done_at is not None:
            return
        person = read_person(json.loads(row.person))
        found = await events_of_contacts(self._engine, person)
        for name, search in self._searches.items():
            found[name] += await self._each_page(search, person, change=True)
        async with self._engine.begin() as connection:
            row = (await connection.execute(sql.LOCK, {"id": id_})).one()
            if row.done_at is None:
                await _write(
                    connection, id_, read_person(json.loads(row.person)), Counter(json.loads(row.counts)) + found
                )

    async def plan(self, person: WholePerson) -> dict[str, int]:
        """Return how many rows of each table would be erased or changed, without doing it."""
        return await self.counted(
            person, {name: await self._each_page(one, person) for name, one in self._searches.items()}
        )

    async def counted(self, person: WholePerson, mentions: Mapping[str, int]) -> dict[str, int]:
        """Return the same of a person whose mentions in each table are known."""
        async with self._engine.connect() as connection:
            transaction = await connection.begin()
            _, counts, waiting = await erased(connection, person)
            await transaction.rollback()
        # A row of the person's own is found by its address, too.
        counts = Counter({name: max(counts[name], mentions.get(name, 0)) for name in {*counts, *mentions}})
        return dict(sorted((counts + Counter(waiting=waiting)).items()))

    async def mentions(self, table: str, person: WholePerson, after: Any) -> AsyncIterator[tuple[Any, int]]:
        """Yield, for each page of a table after this key, its last key and how many rows mention the person."""
        search = self._searches[table]
        async for _, last, hit in pages(self._engine, search, search.counting, person, after):
            yield last, hit

    async def endpoints(self) -> list[str]:
        """Return the endpoints that will be notified."""
        async with self._engine.connect() as connection:
            return list((await connection.execute(KNOWING)).scalars())

    async def lift(self, person: WholePerson) -> str | None:
        """Take the tombstone of a person away; return the request that wrote it, None where there is none.

        Raises StillForgetting while that request is not done.
        """
        async with self._engine.begin() as connection:
            rows = (await connection.execute(sql.IS_FORGOTTEN, person.named("emails"))).all()
            if any(row.open for row in rows):
                raise StillForgetting("this person is still being forgotten: wait until that is done")
            lifted = (await connection.execute(sql.LIFT, person.named("emails"))).scalars().first()
            if lifted is not None:
                await note(connection, target=lifted, before={"forgotten": True}, after={"forgotten": False})
            return lifted

    async def _each_page(self, search: Search, person: WholePerson, *, change: bool = False) -> int:
        """Search a table from end to end; return how many rows were hit."""
        statement = search.changing if change else search.counting
        return sum([hit async for _, _, hit in pages(self._engine, search, statement, person)])


def _forgetting(row: Row[Any]) -> Forgetting:
    return Forgetting(row.id, row.requested_by, row.requested_at, row.done_at, json.loads(row.counts))


async def _whole(connection: AsyncConnection, person: WholePerson, most: int | None = None) -> WholePerson:
    values = person.named("emails", "accounts", "contacts") | {"most": most}
    return person.joined(await connection.execute(sql.RELATED, values))


async def _write(connection: AsyncConnection, id_: str, person: WholePerson, counts: Counter[str]) -> None:
    values = {"id": id_, "person": json.dumps(stored(person)), "counts": json.dumps(counts)}
    await connection.execute(sql.WRITE, values)
