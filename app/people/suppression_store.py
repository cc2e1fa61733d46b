"""The suppression list that operators edit over the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.audit.act import who
from app.audit.store import note
from app.database.engine import busy_when_gone
from app.people.eligibility_store import COVERING, covering_values
from app.people.suppression import Kind, Suppression

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import TextClause
    from sqlalchemy.ext.asyncio import AsyncEngine

SHOWN = 10  # of a list, that the audit log names


def as_like(value: str) -> str:
    """Return the expression for a pattern in the syntax of LIKE: stars match any text, its own signs are escaped."""
    return rf"regexp_replace(regexp_replace({value}, '([\\%_])', '\\\1', 'g'), '\*+', '%', 'g')"


# A pattern is also stored in the syntax of LIKE. A row that this statement has inserted has no `xmax`; a row that
# existed before has been locked by it and has one.
ADD = text(f"""
    INSERT INTO suppressions AS kept (kind, value, fits, reason, created_at, added_by)
    SELECT kind, value, CASE WHEN kind = 'pattern' THEN {as_like("value")} END,
           CAST(:reason AS text), clock_timestamp(), CAST(:by AS text)
    FROM unnest(CAST(:kinds AS text[]), CAST(:values AS text[])) AS new(kind, value) ORDER BY value
    ON CONFLICT (value) DO UPDATE SET reason = COALESCE(excluded.reason, kept.reason)
    RETURNING kind, value, reason, created_at, added_by, xmax = 0 AS added
""")  # noqa: S608  # the only text put in is the expression above

REMOVE = text("DELETE FROM suppressions WHERE value = :value RETURNING kind, reason, created_at")

# By number, and not by value: the cursor of a page stands in a URL, where no address may stand.
LIST = text("""
    SELECT number, kind, value, reason, created_at, added_by FROM suppressions
    WHERE CAST(:after AS bigint) IS NULL OR number < :after ORDER BY number DESC LIMIT :limit
""")
LIST_ABOVE = text("""
    SELECT number, kind, value, reason, created_at, added_by FROM suppressions
    WHERE number > :above ORDER BY number LIMIT :limit
""")
READ = text("SELECT number, kind, value, reason, created_at, added_by FROM suppressions WHERE number = :number")
COUNT = text("SELECT count(*) FROM (SELECT number FROM suppressions ORDER BY number LIMIT :most) AS counted")


class SuppressionStore:
    """The list in PostgreSQL, shared by all replicas and all accounts."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def add(self, entry: Suppression, reason: str | None) -> Mapping[str, Any]:
        """Store an entry; an existing one stays, with the newer reason. Return the row, and whether it is `added`."""
        with busy_when_gone():
            async with self._engine.begin() as connection:
                kept = dict((await connection.execute(ADD, _values([entry], reason))).mappings().one())
                shown = {"kind": kept["kind"], "value": kept["value"], "reason": kept["reason"]}
                await note(connection, before=None if kept["added"] else {"value": kept["value"]}, after=shown)
                return kept

    async def add_all(self, entries: Sequence[Suppression], reason: str | None) -> int:
        """Store entries in one transaction; return how many were not there before. Each has a value of its own."""
        with busy_when_gone():
            async with self._engine.begin() as connection:
                rows = (await connection.execute(ADD, _values(entries, reason))).mappings().all()
                added = [row["value"] for row in rows if row["added"]]
                shown = {"added": len(added), "kept": len(rows) - len(added), "reason": reason, "first": added[:SHOWN]}
                await note(connection, after=shown)
                return len(added)

    async def covering(self, email: str) -> Sequence[Suppression]:
        """Return the entries that match an address in its normal form, and FORGOTTEN where a tombstone does."""
        with busy_when_gone():
            async with self._engine.connect() as connection:
                rows = await connection.execute(COVERING, covering_values(email))
                return [Suppression(Kind(row.kind), row.value) for row in rows]

    async def remove(self, value: str) -> str | None:
        """Remove the entry `value`; return its kind, None where there is none."""
        with busy_when_gone():
            async with self._engine.begin() as connection:
                gone = (await connection.execute(REMOVE, {"value": value})).mappings().one_or_none()
                if gone is None:
                    return None
                await note(connection, before={"value": value, **gone})
                return str(gone["kind"])

    async def page(self, after: int | None, limit: int, *, above: int | None = None) -> Sequence[Mapping[str, Any]]:
        """Return up to `limit` entries, the newest first, from the one after the number `after`.

        With `above` it is those next above that number.
        """
        if above is not None:
            return (await self._rows(LIST_ABOVE, above=above, limit=limit))[::-1]
        return await self._rows(LIST, after=after, limit=limit)

    async def entry(self, number: int) -> Mapping[str, Any] | None:
        """Return the entry of this number, None where there is none."""
        return next(iter(await self._rows(READ, number=number)), None)

    async def count(self, most: int) -> int:
        """Return how many entries there are, `most` where there are as many or more."""
        with busy_when_gone():
            async with self._engine.connect() as connection:
                return int((await connection.execute(COUNT, {"most": most})).scalar_one())

    async def _rows(self, statement: TextClause, **values: Any) -> list[Mapping[str, Any]]:
        with busy_when_gone():
            async with self._engine.connect() as connection:
                return [dict(row) for row in (await connection.execute(statement, values)).mappings()]


def _values(entries: Sequence[Suppression], reason: str | None) -> dict[str, Any]:
    kinds, values = [str(entry.kind) for entry in entries], [entry.value for entry in entries]
    return {"kinds": kinds, "values": values, "reason": reason, "by": who()}
