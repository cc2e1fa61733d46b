"""Enrollments as the console lists them, narrowed by several things at once, and one with all that is shown of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, literal_column, select

from app.catalogue.listing_store import read_names
from app.database.engine import busy_when_gone
from app.database.fragments import MAY_HAVE_BEEN_SENT
from app.database.schema import enrollments, events
from app.model import State
from app.reports.journal_store import read_journals, read_lines
from app.reports.store import PLAN_FOR_VALUES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Select, Subquery
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from app.catalogue.listing_store import Names

# At most so many enrollments are looked at where no index serves all that a list is narrowed to.
LOOKED_AT = 20_000
COUNTED = 10_000
INDEXED = ("reason", "rule", "source", "state")
RARE = frozenset({State.HELD, State.READY, State.WORKING, State.UNCERTAIN, State.PARKED})
_MAYBE_SENT: ColumnElement[bool] = literal_column(MAY_HAVE_BEEN_SENT).label("may_have_been_sent")
NAMES = (events.c.first_name, events.c.last_name, events.c.name)
_LISTED = (
    "id", "created_at", "updated_at", "due_at", "email", "rule", "source", "account", "sequence", "plan", "sender",
    "sender_user_id", "state", "reason", "event_id", "ended", "replied_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the list is narrowed to: ids from `first` on, and the value that a column must have; None is none at all.

    `before` and `after` are the ids between which pages end; one of them at most is meant. `changed` is between when
    they last changed, the second exclusive.
    """

    first: str
    columns: Mapping[str, str | None] = field(default_factory=dict)
    before: str | None = None
    after: str | None = None
    changed: tuple[datetime, datetime] | None = None

    @property
    def leading(self) -> str | None:
        """The column by whose index the list is read: a reason, else a rare state, else a rule, a source, a state.

        A reason is one of few states, so that no more rows have it than have its state.
        """
        rare = self.columns.get("state") in RARE
        order = sorted(INDEXED, key=lambda name: (name != "reason", name != "state" or not rare))
        return next((name for name in order if self.columns.get(name) is not None), None)

    @property
    def others(self) -> dict[str, str | None]:
        """The values that no index serves beside the leading column."""
        return {name: value for name, value in self.columns.items() if name != self.leading}

    @property
    def unserved(self) -> tuple[str, ...]:
        """The columns that no index serves beside the leading one."""
        return (*self.others, *(("updated_at",) if self.changed else ()))


@dataclass(frozen=True, slots=True)
class Found:
    """A page of enrollments, newest first, and how many of each state there are among all, up to 10,001 together.

    `looked_back_to` is the id at which the look ended before it came to the end of the list, None where it did not.
    `names` are those of its sequences and senders.
    """

    rows: Sequence[Mapping[str, Any]]
    counts: Mapping[str, int]
    looked_back_to: str | None
    names: Names


@dataclass(frozen=True, slots=True)
class One:
    """One enrollment with the names that its event has, its journal, oldest first, and its sequence's and sender's.

    `journal` are the newest lines, `lines` those of the page that was asked for.
    """

    row: Mapping[str, Any]
    journal: Sequence[Mapping[str, Any]]
    names: Names
    lines: Sequence[Mapping[str, Any]] = ()


class EnrollmentReads:
    """Reads enrollments for pages. Every method raises Busy while the database cannot be reached."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def page(self, wanted: Wanted, limit: int, *, count: bool = True) -> Found:
        """Return up to `limit` enrollments; `counts` are none where they are not to be counted."""
        with busy_when_gone():
            async with self._engine.connect() as connection:
                await connection.execute(PLAN_FOR_VALUES)
                rows = await _rows(connection, listed(wanted, limit))
                by_state = await _rows(connection, counted(wanted)) if count else []
                end = await _rows(connection, end_of_look(wanted)) if wanted.unserved and len(rows) < limit else []
                names = await _names(connection, rows)
        ordered = rows[::-1] if wanted.after is not None else rows
        counts = {row["state"]: row["count"] for row in by_state}
        return Found(ordered, counts, end[0]["id"] if end else None, names)

    async def one(self, id_: str, *, before: int | None = None, after: int | None = None, lines: int = 0) -> One | None:
        """Return one enrollment, None where there is none, with up to so many `lines` of its journal.

        `before` and `after` are numbers of lines between which pages end.
        """
        wanted = select(enrollments, _MAYBE_SENT, *NAMES).outerjoin(events, events.c.id == enrollments.c.event_id)
        with busy_when_gone():
            async with self._engine.connect() as connection:
                rows = await _rows(connection, wanted.where(enrollments.c.id == id_))
                if not rows:
                    return None
                journal = (await read_journals(connection, [id_])).get(id_, [])
                page = await read_lines(connection, id_, before=before, after=after, most=lines) if lines else []
                return One(rows[0], journal, await _names(connection, rows), page)


def listed(wanted: Wanted, limit: int) -> Select[Any]:
    """Return the statement of a page, in the order in which it is read: with `after` the oldest comes first."""
    looked = _looked(wanted, [enrollments.c[name] for name in _LISTED])
    statement = select(looked, *NAMES).outerjoin(events, events.c.id == looked.c.event_id)
    return statement.where(*_beside(looked, wanted)).order_by(_order(looked.c.id, wanted)).limit(limit)


def counted(wanted: Wanted) -> Select[Any]:
    """Return the statement that counts the whole list by state, up to one beyond the cap."""
    whole = Wanted(wanted.first, wanted.columns, changed=wanted.changed)
    looked = _looked(whole, [enrollments.c[name] for name in dict.fromkeys(("id", "state", *wanted.unserved))])
    some = select(looked.c.state).where(*_beside(looked, whole)).order_by(looked.c.id.desc())
    capped = some.limit(COUNTED + 1).subquery("counted")
    return select(capped.c.state, func.count().label("count")).group_by(capped.c.state)


def end_of_look(wanted: Wanted) -> Select[Any]:
    """Return the statement that finds the last id of a look that ended early; none where it came to the end."""
    ids = select(enrollments.c.id).where(*_within(wanted)).order_by(_order(enrollments.c.id, wanted))
    return ids.offset(LOOKED_AT - 1).limit(1)


def _looked(wanted: Wanted, columns: Sequence[ColumnElement[Any]]) -> Subquery:
    rows = select(*columns).where(*_within(wanted)).order_by(_order(enrollments.c.id, wanted))
    return rows.limit(LOOKED_AT).subquery("looked")


def _within(wanted: Wanted) -> list[ColumnElement[bool]]:
    """Return the conditions that the index of the leading column serves."""
    id_ = enrollments.c.id
    conditions: list[ColumnElement[bool]] = [id_ >= wanted.first]
    if wanted.leading is not None:
        conditions.append(enrollments.c[wanted.leading] == wanted.columns[wanted.leading])
    if wanted.before is not None:
        conditions.append(id_ < wanted.before)
    if wanted.after is not None:
        conditions.append(id_ > wanted.after)
    return conditions


def _beside(looked: Subquery, wanted: Wanted) -> list[ColumnElement[bool]]:
    """Return the conditions that no index serves."""
    equal = [looked.c[name] == value for name, value in wanted.others.items()]
    if wanted.changed is None:
        return equal
    since, until = wanted.changed
    return [*equal, looked.c.updated_at >= since, looked.c.updated_at < until]


def _order(column: ColumnElement[str], wanted: Wanted) -> Any:
    return column.asc() if wanted.after is not None else column.desc()


async def _names(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> Names:
    users = [row["sender_user_id"] for row in rows if row["sender_user_id"]]
    return await read_names(connection, sequences=[row["sequence"] for row in rows if row["sequence"]], users=users)


async def _rows(connection: AsyncConnection, statement: Select[Any]) -> list[Mapping[str, Any]]:
    return [dict(row) for row in (await connection.execute(statement)).mappings()]
