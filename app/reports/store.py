"""The read model: the rows that the API shows, and the counts of the gauges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, Table, func, select, text

from app.database.engine import busy_when_gone
from app.database.schema import decisions, enrichments, enrollments, events, journal
from app.followup.statements import OVERDUE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.model import Filters

# A page of a rare state is read by another index than one of a common state.
PLAN_FOR_VALUES = text("SET LOCAL plan_cache_mode = force_custom_plan")

# Every scrape of the metrics runs these two. Indexes alone answer them, and only the rows counted are read.
BACKLOG = text("""
    SELECT state, count(*) AS count FROM enrollments
    WHERE state IN ('held', 'ready', 'working', 'uncertain', 'parked') GROUP BY state
""")

OLDEST = text("""
    SELECT COALESCE(EXTRACT(epoch FROM clock_timestamp() - min(due_at)), 0) AS overdue FROM enrollments
    WHERE state IN ('ready', 'uncertain') AND due_at <= statement_timestamp()
""")

THIN = text("SELECT count(*) AS waiting FROM enrichments WHERE state IN ('ready', 'working')")

# Indexes and what is stored out of line are included. The catalogue is read, and no table.
TABLE_SIZES = text("""
    SELECT relname AS name, pg_total_relation_size(oid) AS bytes FROM pg_class
    WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
""")


class StoredReader:
    """Reads stored rows. Every method raises Busy while the database cannot be reached.

    Ids sort by time, so a page ends at an id and the next page begins below it.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def events(self, filters: Filters) -> Sequence[Mapping[str, Any]]:
        """List events without their payloads, newest first."""
        shown = [column for column in events.c if column.name not in {"data", "answers"}]
        return await self._rows(_narrowed(select(*shown), events, filters))

    async def event(self, id_: str) -> Mapping[str, Any] | None:
        """Return one event with its payload and the ids of its decisions."""
        rows = await self._rows(select(events).where(events.c.id == id_))
        if not rows:
            return None
        ids = select(decisions.c.id).where(decisions.c.event_id == id_).order_by(decisions.c.id)
        lookups = await self._rows(select(enrichments).where(enrichments.c.event_id == id_))
        return dict(rows[0]) | {
            "decisions": [row["id"] for row in await self._rows(ids)],
            "enrichment": lookups[0] if lookups else None,
        }

    async def thin_events(self) -> int:
        """Return how many thin events wait for their lookup."""
        return int((await self._rows(THIN))[0]["waiting"])

    async def decisions(self, filters: Filters) -> Sequence[Mapping[str, Any]]:
        """List decisions, newest first."""
        return await self._rows(_narrowed(select(decisions), decisions, filters))

    async def decision(self, id_: str) -> Mapping[str, Any] | None:
        """Return one decision, with the sender of its enrollment and the senders that were considered."""
        own = enrollments.c.id == decisions.c.enrollment_id
        shown = select(decisions, enrollments.c.sender, enrollments.c.assignment).outerjoin(enrollments, own)
        rows = await self._rows(shown.where(decisions.c.id == id_))
        return rows[0] if rows else None

    async def enrollments(self, filters: Filters) -> Sequence[Mapping[str, Any]]:
        """List enrollments, newest first."""
        return await self._rows(_narrowed(select(enrollments), enrollments, filters))

    async def enrollment(self, id_: str) -> Mapping[str, Any] | None:
        """Return one enrollment with its journal."""
        rows = await self._rows(select(enrollments).where(enrollments.c.id == id_))
        if not rows:
            return None
        lines = select(journal).where(journal.c.enrollment_id == id_).order_by(journal.c.id)
        return dict(rows[0]) | {"journal": await self._rows(lines)}

    async def journal(self, enrollment_id: str | None, after: int | None, limit: int) -> Sequence[Mapping[str, Any]]:
        """List lines of the journal, newest first, below the id `after`; those of one enrollment where it is named."""
        lines = select(journal).order_by(journal.c.id.desc()).limit(limit)
        if enrollment_id is not None:
            lines = lines.where(journal.c.enrollment_id == enrollment_id)
        return await self._rows(lines if after is None else lines.where(journal.c.id < after))

    async def backlog(self) -> tuple[dict[str, int], float]:
        """Return enrollments by state, and for how many seconds the oldest due one has been waiting."""
        counts = {row["state"]: row["count"] for row in await self._rows(BACKLOG)}
        return counts, float((await self._rows(OLDEST))[0]["overdue"])

    async def overdue_looks(self, accounts: Iterable[str]) -> dict[str, float]:
        """Return, by account, for how many seconds its oldest look at a followed enrollment has been due."""
        rows = await self._rows(OVERDUE, accounts=list(accounts))
        return {row["account"]: float(row["overdue"]) for row in rows}

    async def ping(self) -> None:
        """Check that the database answers."""
        await self._rows(select(func.now()))

    async def _rows(self, statement: Any, **values: Any) -> Sequence[Mapping[str, Any]]:
        with busy_when_gone():
            async with self._engine.connect() as connection:
                await connection.execute(PLAN_FOR_VALUES)
                return [dict(row) for row in (await connection.execute(statement, values)).mappings()]


async def table_sizes(engine: AsyncEngine) -> dict[str, int]:
    """Return the bytes that each table takes on disk, its indexes included."""
    async with engine.connect() as connection:
        return {row.name: row.bytes for row in await connection.execute(TABLE_SIZES)}


def _narrowed(statement: Select[Any], table: Table, filters: Filters) -> Select[Any]:
    for name in ("email", "source", "rule", "state", "reason", "verdict", "ended"):
        wanted = getattr(filters, name)
        if wanted is not None and name in table.c:
            statement = statement.where(table.c[name] == str(wanted))
    if filters.after is not None:
        statement = statement.where(table.c.id < filters.after)
    return statement.order_by(table.c.id.desc()).limit(filters.limit)
