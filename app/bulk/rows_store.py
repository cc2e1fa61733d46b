"""The enrollments of a job: counted, the first ones shown, and found in the order of their ids, a chunk at a time.

All three have one condition. They are planned for their values, of which one finds few rows, and another one most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.bulk.job import Count, Rows
from app.database.fragments import MAY_HAVE_BEEN_SENT
from app.model import State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import TextClause
    from sqlalchemy.ext.asyncio import AsyncConnection

    from app.bulk.job import Wanted

PLAN_FOR_VALUES = text("SET LOCAL plan_cache_mode = force_custom_plan")

# What has become so since the job was asked for was not shown, and is none of it. An enrollment that was waiting then
# may have been held, made ready or parked since, and is the one that was shown: those are known by their beginning.
MATCHES = """
    (CAST(:reason AS text) IS NULL OR reason = :reason) AND (CAST(:rule AS text) IS NULL OR rule = :rule)
    AND (CAST(:sender AS text) IS NULL OR sender = :sender) AND (CAST(:source AS text) IS NULL OR source = :source)
    AND (CAST(:account AS text) IS NULL OR account = :account)
    AND (reason IS NULL OR 'reason' <> ALL(CAST(:lacks AS text[])))
    AND (sender IS NULL OR 'sender' <> ALL(CAST(:lacks AS text[])))
    AND (CAST(:since AS timestamptz) IS NULL OR updated_at >= :since)
    AND (CAST(:until AS timestamptz) IS NULL OR updated_at < :until)
    AND CASE WHEN :waiting THEN created_at ELSE updated_at END <= :asked_at
    AND COALESCE(reason <> ALL(CAST(:without AS text[])), true)
"""


def _each_state(select: str) -> str:
    """Return the part of a statement that finds rows by `select`, which has a `{state}`, in each state, as `one`.

    Each state is written out, so that its own indexes can be used: most rows are in none of them.
    """
    parts = [f"({select.format(state=state)} LIMIT :most)" for state in (State.HELD, State.READY, State.PARKED)]
    return f"FROM ({' UNION ALL '.join(parts)}) AS one"


def _in_order(columns: str) -> str:
    """Return the part of a statement that finds the next rows of each state in the order of their ids.

    Written as `state = ...`, the order would be that of the primary key as well, and the rows of all states would be
    read where many are in this one, and all of them late.
    """
    return _each_state(f"""
        SELECT {columns} FROM enrollments
        WHERE (state, id) > ('{{state}}', :after) AND state <= '{{state}}'
          AND '{{state}}' = ANY(CAST(:states AS text[])) AND {MATCHES}
        ORDER BY state, id
    """)  # noqa: S608  # the only text put in are the columns and the condition above


COUNTED_ROWS = f"""
    SELECT {MAY_HAVE_BEEN_SENT} AS sent FROM enrollments
    WHERE state = '{{state}}' AND '{{state}}' = ANY(CAST(:states AS text[])) AND {MATCHES}
"""  # noqa: S608  # as above
COUNT = text(f"""
    WITH found AS (SELECT one.sent {_each_state(COUNTED_ROWS)} LIMIT :most)
    SELECT count(*) AS rows, count(*) FILTER (WHERE sent) AS sent FROM found
""")  # noqa: S608  # the only text put in is the part above
SHOWN = "id, email, rule, source, account, sequence, sender, state, reason, detail, created_at, updated_at"
FIRST_ROWS = text(f"SELECT one.* {_in_order(SHOWN)} ORDER BY one.id LIMIT :most")
FIND = text(f"SELECT one.id {_in_order('id')} ORDER BY one.id LIMIT :most")


async def count(connection: AsyncConnection, wanted: Wanted, most: int | None) -> Count:
    """Count the rows, up to `most` (None: all)."""
    (row,) = await _execute(connection, COUNT, wanted, "", most)
    return Count(row["rows"], row["sent"])


async def first(connection: AsyncConnection, wanted: Wanted, most: int) -> Sequence[Mapping[str, Any]]:
    """Return the first rows as they are shown."""
    return [dict(row) for row in await _execute(connection, FIRST_ROWS, wanted, "", most)]


async def find(connection: AsyncConnection, wanted: Wanted, after: str, most: int) -> list[str]:
    """Return the ids of the next rows, beyond `after`."""
    return [row["id"] for row in await _execute(connection, FIND, wanted, after, most)]


ENROLLMENTS = Rows(count, first, find)


async def _execute(
    connection: AsyncConnection, statement: TextClause, wanted: Wanted, after: str, most: int | None
) -> Sequence[Any]:
    given = wanted.filter
    values = {
        "reason": given.reason,
        "rule": given.rule,
        "sender": given.sender,
        "source": given.source,
        "account": given.account,
        "since": given.since,
        "until": given.until,
        "lacks": list(given.lacks),
        "states": list(given.states),
        "waiting": not {State.HELD, State.READY}.isdisjoint(given.states),
        "asked_at": wanted.asked_at,
        "without": list(wanted.without),
        "after": after,
        "most": most,
    }
    await connection.execute(PLAN_FOR_VALUES)
    return (await connection.execute(statement, values)).mappings().all()
