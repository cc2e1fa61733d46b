"""Reads what a person's page shows: the story of an address, newest first, and how its person stands now."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from app.catalogue.listing_store import Names, read_names
from app.database.engine import busy_when_gone
from app.people.eligibility_store import entries_of, find_values
from app.reports import person_statements as sql
from app.reports.id_times import tail_of
from app.reports.store import PLAN_FOR_VALUES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from app.model.account import Cap
    from app.people.suppression import Suppression
    from app.rules.rulebook import Rulebook

TIMES = ("until", "due_at", "enrolled_at", "updated_at")


@dataclass(frozen=True, slots=True)
class Item:
    """One row of a person's story: `kind` is event, decision or enrollment; an enrollment has its journal."""

    kind: str
    row: Mapping[str, Any]
    journal: tuple[Mapping[str, Any], ...] = ()

    @property
    def at(self) -> datetime:
        """When it came: events are received, decisions made, enrollments accepted."""
        moment: datetime = self.row[{"event": "received_at", "decision": "decided_at"}.get(self.kind, "created_at")]
        return moment


@dataclass(frozen=True, slots=True)
class Standing:
    """How a person stands.

    `entry` is what suppresses the address in the list. `intents` are those in force, `stays_with` the senders that
    pools keep, `enrolled` the enrollments that count for the cap by account, `related` other addresses of the same
    contacts, and `contacts` those contacts. `waiting` is what is not over, `running` the sequence that is followed.
    `named` has the names that the newest event with any gave.
    """

    entry: Suppression | None = None
    forgotten_at: datetime | None = None
    intents: Sequence[Mapping[str, Any]] = ()
    stays_with: Sequence[Mapping[str, Any]] = ()
    enrolled: Mapping[str, int] = field(default_factory=dict)
    related: Sequence[str] = ()
    contacts: Sequence[Mapping[str, Any]] = ()
    waiting: Sequence[Mapping[str, Any]] = ()
    running: Mapping[str, Any] | None = None
    first_received_at: datetime | None = None
    named: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PersonPage:
    """One page of a person's story; `next` asks for the next one, None on the last."""

    items: tuple[Item, ...]
    next: str | None
    standing: Standing
    names: Names


class PersonStore:
    """Reads people. Every method raises Busy while the database cannot be reached."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def page(self, email: str, book: Rulebook, *, before: str | None = None, limit: int = 50) -> PersonPage:
        """Return one page of the person with this listed address. `before` is the `next` of the page before."""
        with busy_when_gone():
            async with self._engine.connect() as connection:
                await connection.execute(PLAN_FOR_VALUES)
                rows = (await connection.execute(sql.story(email, before=before, limit=limit + 1))).mappings().all()
                shown = rows[:limit]
                journals = await read_journals(
                    connection, [row["id"] for row in shown if row["kind"] == sql.ENROLLMENT]
                )
                standing = await _standing(connection, email, book)
                names = await _names(connection, shown, standing)
        items = tuple(_item(row, journals) for row in shown)
        return PersonPage(items, tail_of(shown[-1]["id"]) if len(rows) > limit else None, standing, names)


async def read_journals(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, list[Mapping[str, Any]]]:
    """Return the lines of enrollments' journals, oldest first, each with who or which rule did it."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    if ids:
        for line in (await connection.execute(sql.JOURNAL, {"ids": list(ids)})).mappings():
            found.setdefault(line["enrollment_id"], []).append(dict(line))
    return found


def _item(row: Mapping[str, Any], journals: Mapping[str, list[Mapping[str, Any]]]) -> Item:
    own = {name: row[name] for name in sql.own_columns(row["kind"])}
    return Item(row["kind"], own, tuple(journals.get(row["id"], ())))


async def _standing(connection: AsyncConnection, email: str, book: Rulebook) -> Standing:
    row = (await connection.execute(sql.STANDING, standing_values(email, book))).mappings().one()
    return Standing(
        entry=next((one for one in entries_of(row["entries"] or ()).values() if one.value), None),
        forgotten_at=row["forgotten_at"],
        intents=_timed(row["intents"]),
        stays_with=row["stays_with"] or (),
        enrolled={one["account"]: one["count"] for one in row["enrolled"] or ()},
        related=row["related"] or (),
        contacts=row["contacts"] or (),
        waiting=_timed(row["waiting"]),
        running=next(iter(_timed([row["running"]] if row["running"] else ())), None),
        first_received_at=row["first_received_at"],
        named=row["named"] or {},
    )


def standing_values(email: str, book: Rulebook) -> dict[str, Any]:
    """Return the parameters of STANDING: what the rules in force know of accounts, their caps, and pools."""
    caps: list[tuple[str, Cap]] = [
        (account.name, account.per_person) for account in book.accounts.values() if account.per_person
    ]
    return {
        "email": email,
        "subjects": [email, email.rpartition("@")[2]],
        "own_accounts": [account.name for account in book.accounts.values()],
        "pools": list(book.pools),
        "capped": [name for name, _ in caps],
        "periods": [cap.period for _, cap in caps],
        **find_values([email]),
    }


def _timed(rows: Iterable[Mapping[str, Any]] | None) -> tuple[Mapping[str, Any], ...]:
    """Return rows that came as JSON, with their times as times."""
    return tuple({name: _time(name, value) for name, value in row.items()} for row in rows or ())


def _time(name: str, value: Any) -> Any:
    return datetime.fromisoformat(value) if name in TIMES and isinstance(value, str) else value


async def _names(connection: AsyncConnection, rows: Iterable[Mapping[str, Any]], standing: Standing) -> Names:
    others = (*standing.waiting, *((standing.running,) if standing.running else ()))
    sequences = [row["sequence"] for row in (*rows, *others) if row.get("sequence")]
    users = [row["sender_user_id"] for row in rows if row["sender_user_id"]]
    return await read_names(connection, sequences=sequences, users=users)
