"""The outbound events of a job: counted, the first ones shown, and found in the order of their ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.bulk.job import Count, Rows
from app.bulk.rows_store import PLAN_FOR_VALUES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import TextClause
    from sqlalchemy.ext.asyncio import AsyncConnection

    from app.bulk.job import Wanted

# What tells that a person was forgotten is erased once it was taken. What was delivered after the job was asked for is
# none that its operator meant: another job may have sent it again.
MATCHES = """
    endpoint = :endpoint AND id > :after AND state = ANY(CAST(:states AS text[]))
    AND (CAST(:since AS timestamptz) IS NULL OR created_at >= :since)
    AND (CAST(:until AS timestamptz) IS NULL OR created_at < :until) AND created_at <= :asked_at
    AND (delivered_at IS NULL OR delivered_at <= :asked_at) AND NOT (kind = 'forgotten' AND state = 'delivered')
"""
COUNT_OUTBOUND = text(f"""
    WITH found AS (SELECT id FROM outbound WHERE {MATCHES} LIMIT :most) SELECT count(*) AS rows FROM found
""")  # noqa: S608  # the only text put in is the condition above
FIRST_OUTBOUND = text(f"""
    SELECT id, endpoint, kind, enrollment_id, state, tries, last_status, created_at FROM outbound
    WHERE {MATCHES} ORDER BY id LIMIT :most
""")  # noqa: S608  # as above
FIND_OUTBOUND = text(f"SELECT id FROM outbound WHERE {MATCHES} ORDER BY id LIMIT :most")  # noqa: S608  # as above


async def count(connection: AsyncConnection, wanted: Wanted, most: int | None) -> Count:
    """Count the events, up to `most` (None: all). None of them enrolls a person."""
    (row,) = await _execute(connection, COUNT_OUTBOUND, wanted, "", most)
    return Count(row["rows"], 0)


async def first(connection: AsyncConnection, wanted: Wanted, most: int) -> Sequence[Mapping[str, Any]]:
    """Return the first events as they are shown, without their bodies."""
    return [dict(row) for row in (await _execute(connection, FIRST_OUTBOUND, wanted, "", most))]


async def find(connection: AsyncConnection, wanted: Wanted, after: str, most: int) -> list[str]:
    """Return the ids of the next events, beyond `after`."""
    return [row["id"] for row in await _execute(connection, FIND_OUTBOUND, wanted, after, most)]


OUTBOUND = Rows(count, first, find)


async def _execute(
    connection: AsyncConnection, statement: TextClause, wanted: Wanted, after: str, most: int | None
) -> Sequence[Any]:
    given = wanted.filter
    values = {
        "endpoint": given.endpoint,
        "states": list(given.states),
        "since": given.since,
        "until": given.until,
        "asked_at": wanted.asked_at,
        "after": after,
        "most": most,
    }
    await connection.execute(PLAN_FOR_VALUES)
    return (await connection.execute(statement, values)).mappings().all()
