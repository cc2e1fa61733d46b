"""The rows of the audit log: written in the transaction of the change that they tell of, and listed for operators."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import func, literal_column, select, text
from sqlalchemy.exc import DBAPIError

from app.audit.act import current
from app.audit.form_store import take
from app.database.engine import busy_when_gone, first_line, sqlstate
from app.database.schema import audit
from app.errors import NotAudited
from app.masking import masked_text, masked_value, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from app.audit.act import Act

DONE, REFUSED, FAILED = "done", "refused", "failed"
PASSING = ("08", "40", "57")  # classes of SQLSTATE: no connection, a transaction rolled back, a server that stops
LONGEST = 500  # characters of a target, and of a reason

PLAN_FOR_VALUES = text("SET LOCAL plan_cache_mode = force_custom_plan")

# The id is made by the database's clock, so that the rows of all replicas are in one order.
INSERT = text("""
    INSERT INTO audit (id, at, who, role, origin, what, target, before, after, revision, outcome, status)
    VALUES ('aud_' || lpad(to_hex(CAST(EXTRACT(epoch FROM clock_timestamp()) * 1000 AS bigint)), 12, '0')
                   || substr(replace(CAST(gen_random_uuid() AS text), '-', ''), 1, 20),
            clock_timestamp(), :who, :role, :origin, :what, :target, CAST(CAST(:before AS text) AS jsonb),
            CAST(CAST(:after AS text) AS jsonb), :revision, :outcome, :status)
""")


@dataclass(frozen=True, slots=True)
class AuditFilters:
    """What the log is narrowed to; `target` is what acts are about, such as an id, masked as all rows are.

    `before` asks for the rows next below an id, `after` for those next above one; the newest row comes first.
    """

    who: str | None = None
    what: str | None = None
    target: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: str | None = None
    after: str | None = None
    limit: int = 50


async def note(
    connection: AsyncConnection, *, target: str | None = None, before: Any = None, after: Any = None
) -> None:
    """Write what the present act changes, in the transaction of `connection`; nothing where there is no act.

    Raises DoneBefore where the form of the act was sent before, and NotAudited where the log takes no row.
    """
    act = current()
    if act is None:
        return
    with _not_audited_where_refused():
        if act.once is not None:
            await take(connection, act.once)
        await connection.execute(INSERT, _values(act, DONE, None, target, before, after))
    act.noted = True


@contextmanager
def _not_audited_where_refused() -> Iterator[None]:
    """Raise NotAudited for what the server refuses, but not where it has gone, or the transaction can be repeated."""
    try:
        yield
    except DBAPIError as error:
        state = sqlstate(error)
        if state is None or state.startswith(PASSING):
            raise
        raise NotAudited(first_line(error)) from error


class AuditStore:
    """The audit log. Every method raises Busy while the database cannot be reached."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def write(self, act: Act, outcome: str, *, status: int | None = None, after: Any = None) -> None:
        """Write an act that no change has been noted of: it was refused, failed, or changed nothing here."""
        with busy_when_gone():
            async with self._engine.begin() as connection:
                await connection.execute(INSERT, _values(act, outcome, status, None, None, after))

    async def noted(self, *, target: str | None = None, before: Any = None, after: Any = None) -> None:
        """Write what the present act is about to do, or has looked at, where no transaction does it.

        What is done outside of the database is asked for here first, so that nothing is done that is not written down.
        """
        with busy_when_gone():
            async with self._engine.begin() as connection:
                await note(connection, target=target, before=before, after=after)

    async def page(self, filters: AuditFilters) -> Sequence[Mapping[str, Any]]:
        """List rows, newest first. Ids begin with the time, so that times narrow the list by its key."""
        newer = filters.after is not None
        rows = select(audit).where(*_conditions(filters)).limit(filters.limit)
        rows = rows.order_by(audit.c.id.asc() if newer else audit.c.id.desc())
        with busy_when_gone():
            async with self._engine.connect() as connection:
                # Which index leads to few rows depends on how rare a name is.
                await connection.execute(PLAN_FOR_VALUES)
                found = [dict(row) for row in (await connection.execute(rows)).mappings()]
        return found[::-1] if newer else found

    async def counts(self, filters: AuditFilters, *, most: int) -> dict[str, int]:
        """Return how many rows there are of each outcome, on all pages; the newest `most` are counted."""
        outcome: ColumnElement[str] = literal_column("outcome")
        rows = select(audit.c.outcome).where(*_conditions(replace(filters, before=None, after=None)))
        newest = rows.order_by(audit.c.id.desc()).limit(most).subquery()
        counted = select(outcome, func.count()).select_from(newest).group_by(outcome)
        with busy_when_gone():
            async with self._engine.connect() as connection:
                await connection.execute(PLAN_FOR_VALUES)
                return {row[0]: row[1] for row in await connection.execute(counted)}


def _conditions(filters: AuditFilters) -> Iterator[ColumnElement[bool]]:
    for name in ("who", "what"):
        if (wanted := getattr(filters, name)) is not None:
            yield audit.c[name] == wanted
    if filters.target is not None:
        yield audit.c.target == _target(filters.target)
    if filters.before is not None:
        yield audit.c.id < filters.before
    if filters.after is not None:
        yield audit.c.id > filters.after
    if filters.since is not None:
        yield audit.c.id >= _first_id(filters.since)
    if filters.until is not None:
        yield audit.c.id < _first_id(filters.until)


def _first_id(at: datetime) -> str:
    return f"aud_{max(0, int(at.timestamp() * 1000)):012x}"


def _values(act: Act, outcome: str, status: int | None, target: str | None, before: Any, after: Any) -> dict[str, Any]:
    about = target or act.target
    return {
        "who": act.who,
        "role": act.role,
        "origin": act.origin,
        "what": act.what,
        "target": None if about is None else _target(about),
        "before": _json(before),
        "after": _json(_with_reason(after, act.reason)),
        "revision": act.revision,
        "outcome": outcome,
        "status": status,
    }


def _with_reason(after: Any, reason: str | None) -> Any:
    """Return what a change left, with why it was made, where a person said so; one that says it itself stays."""
    if reason is None or not (after is None or isinstance(after, dict)):
        return after
    left = after or {}
    return {**left, "reason": left.get("reason") or printable(reason[:LONGEST])}


def _target(about: str) -> str:
    return printable(masked_text(about)[:LONGEST])


def _json(value: Any) -> str | None:
    if value is None:
        return None
    return orjson.dumps(masked_value(value), default=str).decode()
