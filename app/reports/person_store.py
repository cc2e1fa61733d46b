"""Reads what a person's page shows: the story of an address, newest first, and how its person stands now."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from app.catalogue.listing_store import Names, read_names
from app.database.engine import busy_when_gone
from app.people.eligibility_store import entries_of, find_values
from app.reports import person_statements as sql
from app.reports.journal_store import MOST_LINES, read_journals

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.engine import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from app.model.account import Cap
    from app.people.suppression import Suppression
    from app.rules.rulebook import Rulebook

TIMES = ("until", "due_at", "enrolled_at", "updated_at")
MOST_RECENT = 20  # newest enrollments, of which the page speaks in short


@dataclass(frozen=True, slots=True)
class Item:
    """One row of a person's story: `kind` is event, decision or enrollment; an enrollment has its journal.

    `cut` says that the journal has earlier lines than those.
    """

    kind: str
    row: Mapping[str, Any]
    journal: tuple[Mapping[str, Any], ...] = ()
    cut: bool = False

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
    contacts, and `contacts` those contacts. `waiting` is what is not over, of which `cancellable` can be cancelled;
    `running` is the sequence that is followed. `named` has the names that the newest event with any gave, `sources` are
    those that the person was received from.

    No list is longer than its bound in `person_statements`. `events_cut` and `enrollments_cut` say that there are more
    than were looked at, so that what is found among them may not be all.
    """

    entry: Suppression | None = None
    forgotten_at: datetime | None = None
    intents: Sequence[Mapping[str, Any]] = ()
    stays_with: Sequence[Mapping[str, Any]] = ()
    enrolled: Mapping[str, int] = field(default_factory=dict)
    related: Sequence[str] = ()
    contacts: Sequence[Mapping[str, Any]] = ()
    waiting: Sequence[Mapping[str, Any]] = ()
    cancellable: int = 0
    running: Mapping[str, Any] | None = None
    first_received_at: datetime | None = None
    named: Mapping[str, Any] = field(default_factory=dict)
    sources: Sequence[str] = ()
    events_cut: bool = False
    enrollments_cut: bool = False


@dataclass(frozen=True, slots=True)
class PersonPage:
    """One page of a person's story, newest first; `more` says that it goes on in the direction that was asked for.

    `recent` are the newest enrollments and the newest decision, whichever page it is.
    """

    items: tuple[Item, ...]
    more: bool
    recent: tuple[Item, ...]
    standing: Standing
    names: Names


class PersonStore:
    """Reads people. Every method raises Busy while the database cannot be reached.

    One plan serves every person: each part is read in the order of an index and ends at a bound.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def page(
        self, email: str, book: Rulebook, *, before: str | None = None, after: str | None = None, limit: int = 50
    ) -> PersonPage:
        """Return one page of the person with this listed address.

        `before` asks for what is older than an id without its prefix, `after` for what is newer.
        """
        with busy_when_gone():
            async with self._engine.connect() as connection:
                found = await _story(connection, email, before=before, after=after, limit=limit + 1)
                rows = list(found[-limit:] if after is not None else found[:limit])
                whole = before is None and after is None and len(found) <= limit
                recent = _recent(found) if whole else [*await _newest(connection, email)]
                items = await _items(connection, rows + recent)
                standing = await _standing(connection, email, book)
                names = await _names(connection, [item.row for item in items], standing)
        return PersonPage(items[: len(rows)], len(found) > limit, items[len(rows) :], standing, names)

    async def standing(self, email: str, book: Rulebook) -> tuple[Standing, Names]:
        """Return how the person stands, without the story."""
        with busy_when_gone():
            async with self._engine.connect() as connection:
                standing = await _standing(connection, email, book)
                return standing, await _names(connection, (), standing)


async def _story(
    connection: AsyncConnection, email: str, *, before: str | None, after: str | None, limit: int
) -> Sequence[RowMapping]:
    values = {"email": email, "limit": limit, "events": limit, "decisions": limit, "enrollments": limit}
    if after is not None:
        return (await connection.execute(sql.STORY_NEWER, values | {"edge": after})).mappings().all()[::-1]
    return (await connection.execute(sql.STORY_OLDER, values | {"edge": before or sql.NEWEST})).mappings().all()


async def _newest(connection: AsyncConnection, email: str) -> Sequence[RowMapping]:
    values = {"email": email, "edge": sql.NEWEST, "events": 0, "decisions": 1, "enrollments": MOST_RECENT}
    return (await connection.execute(sql.STORY_OLDER, values | {"limit": MOST_RECENT + 1})).mappings().all()


def _recent(story: Sequence[RowMapping]) -> list[RowMapping]:
    """Return of a whole story what `_newest` reads."""
    kinds = {kind: [row for row in story if sql.kind_of(row["id"]) == kind] for kind in sql.SHOWN}
    return [*kinds[sql.ENROLLMENT][:MOST_RECENT], *kinds[sql.DECISION][:1]]


async def _items(connection: AsyncConnection, rows: Sequence[RowMapping]) -> tuple[Item, ...]:
    ids = {row["id"] for row in rows if sql.kind_of(row["id"]) == sql.ENROLLMENT}
    journals = await read_journals(connection, sorted(ids), most=MOST_LINES + 1)
    return tuple(_item(row, journals) for row in rows)


def _item(row: RowMapping, journals: Mapping[str, list[Mapping[str, Any]]]) -> Item:
    kind = sql.kind_of(row["id"])
    own = {name: row[f"{kind}_{name}"] for name in sql.SHOWN[kind]}
    lines = journals.get(row["id"], [])
    return Item(kind, own, tuple(lines[-MOST_LINES:]), cut=len(lines) > MOST_LINES)


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
        cancellable=row["cancellable"],
        running=next(iter(_timed([row["running"]] if row["running"] else ())), None),
        first_received_at=row["first_received_at"],
        named=row["named"] or {},
        sources=row["sources"] or (),
        events_cut=row["events_cut"],
        enrollments_cut=row["enrollments_cut"],
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
    users = [row["sender_user_id"] for row in rows if row.get("sender_user_id")]
    return await read_names(connection, sequences=sequences, users=users)
