"""Inventories in the database, which all replicas share; and what stands under a person's own keys."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.audit.act import who
from app.audit.store import note
from app.database.listen import INVENTORY_READY
from app.errors import FenceLost
from app.people import inventory_statements as sql
from app.people.forget_statements import NOTIFY
from app.people.search_statements import searches
from app.people.whole import read_person, stored

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import TextClause
    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.people.whole import WholePerson

MOST = 200  # rows of a table that are counted of what stands under a person's own keys


@dataclass(frozen=True, slots=True)
class OwnRows:
    """What stands under a person's own keys: rows by table, MOST + 1 where there are more, and whether a tombstone."""

    counts: Mapping[str, int]
    forgotten: bool


@dataclass(frozen=True, slots=True)
class Inventory:
    """How far an inventory is, and its counts once it is done. `error` says why it has none. It names no person."""

    asked_by: str
    asked_at: datetime
    done_at: datetime | None
    tables_done: int
    tables: int
    counts: Mapping[str, int]
    error: str | None


@dataclass(frozen=True, slots=True)
class Taken:
    """An inventory whose turn a worker has.

    `found` has of each table that was begun how many rows mention the person, and the key up to which it was looked
    through, None where that is done.
    """

    id: str
    attempt: int
    person: WholePerson
    found: Mapping[str, tuple[int, Any]]


class InventoryStore:
    """Inventories, and the turns at them."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._tables = tuple(searches())

    async def own(self, person: WholePerson) -> OwnRows:
        """Return what indexes find of a person."""
        values = person.named("emails", "accounts", "contacts") | {"most": MOST + 1}
        async with self._engine.connect() as connection:
            counts = dict((await connection.execute(sql.OWN_ROWS, values)).one()._mapping)  # noqa: SLF001  # public
        return OwnRows(forgotten=counts.pop("forgotten"), counts=counts)

    async def by_hash(self, person: WholePerson) -> Mapping[str, int]:
        """Return how many intents and suppressions hold of a person who was forgotten, counted as above."""
        values = person.named("emails") | {"most": MOST + 1}
        async with self._engine.connect() as connection:
            return dict((await connection.execute(sql.BY_HASH, values)).mappings().one())

    async def ask(self, id_: str, address: str, person: WholePerson) -> bool:
        """Ask for an inventory of a person, whom a listed address names; False where one is not done yet."""
        values = {"id": id_, "address": address, "by": who(), "person": json.dumps(stored(person))}
        async with self._engine.begin() as connection:
            made = (await connection.execute(sql.ASK, values)).first() is not None
            if made:
                await note(connection, after={"inventory": id_})
                await connection.execute(NOTIFY, {"channel": INVENTORY_READY})
        return made

    async def show(self, address: str) -> Inventory | None:
        """Return the inventory of a person, None where there is none."""
        async with self._engine.connect() as connection:
            row = (await connection.execute(sql.SHOW, {"address": address})).one_or_none()
        if row is None:
            return None
        done = [name for name, (_, after) in json.loads(row.found).items() if after is None and name in self._tables]
        counts = json.loads(row.counts)
        return Inventory(row.asked_by, row.asked_at, row.done_at, len(done), len(self._tables), counts, row.error)

    async def claim(self, *, lease: float) -> Taken | None:
        """Take a turn at the oldest inventory that no other worker has, for `lease` seconds."""
        async with self._engine.begin() as connection:
            row = (await connection.execute(sql.CLAIM, {"lease": lease})).one_or_none()
        if row is None:
            return None
        found = {name: (hits, after) for name, (hits, after) in json.loads(row.found).items()}
        return Taken(row.id, row.attempt, read_person(json.loads(row.person)), found)

    async def move_on(self, taken: Taken, table: str, hits: int, after: Any) -> None:
        """End a turn: a table was looked through up to the key `after`, None where it is done. Raises FenceLost."""
        await self._write(taken, sql.MOVE_ON, found=json.dumps({table: [hits, after]}))

    async def finish(self, taken: Taken, counts: Mapping[str, int], *, error: str | None = None) -> None:
        """Keep what was counted, or why it could not be. Raises FenceLost."""
        await self._write(taken, sql.FINISH, counts=json.dumps(counts), error=error)

    async def _write(self, taken: Taken, statement: TextClause, **values: Any) -> None:
        async with self._engine.begin() as connection:
            fence = {"id": taken.id, "attempt": taken.attempt}
            if (await connection.execute(statement, fence | values)).one_or_none() is None:
                raise FenceLost(taken.id)
