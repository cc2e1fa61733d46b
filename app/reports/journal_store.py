"""Reads journals of enrollments, with who or which rule did what a line says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import TextClause
    from sqlalchemy.ext.asyncio import AsyncConnection

MOST_LINES = 20  # of one journal, where it stands beside others: the newest
NEWEST = (1 << 63) - 1  # above the numbers of all lines

Line = dict[str, Any]


def _journal(beyond: str, order: str) -> TextClause:
    """Return the statement for lines beyond the number `edge`, as many of each enrollment as are asked for.

    Who cancelled or released an enrollment stands in the audit log, written in the same transaction; which rule
    cancelled it is that of the enrollment whose id the line holds.
    """
    return text(f"""
        SELECT line.id, line.enrollment_id, line.at, line.before, line.after, line.step, line.attempt, line.cause,
               line.detail, act.who AS by_operator,
               CASE WHEN line.cause = 'cancelled_by_rule' THEN (SELECT rule FROM enrollments WHERE id = line.detail) END
                   AS by_rule
        FROM unnest(CAST(:ids AS text[])) AS wanted(id)
        CROSS JOIN LATERAL (
            SELECT * FROM journal WHERE enrollment_id = wanted.id AND journal.id {beyond} :edge
            ORDER BY journal.id {order} LIMIT :most
        ) AS line
        LEFT JOIN LATERAL (
            SELECT who FROM audit
            WHERE line.cause IN ('cancelled_by_operator', 'released_by_operator')
              AND audit.at BETWEEN line.at - interval '10 seconds' AND line.at + interval '10 seconds'
              AND audit.after->>'state' = line.after
              AND (audit.target = line.enrollment_id OR audit.after->'enrollments' ? line.enrollment_id)
            ORDER BY GREATEST(audit.at, line.at) - LEAST(audit.at, line.at) LIMIT 1
        ) AS act ON true
        ORDER BY line.id
    """)  # noqa: S608  # what is put in is ours


JOURNAL = _journal("<", "DESC")
JOURNAL_NEWER = _journal(">", "ASC")


async def read_journals(
    connection: AsyncConnection, ids: Sequence[str], *, most: int = MOST_LINES
) -> dict[str, list[Mapping[str, Any]]]:
    """Return the newest lines of enrollments' journals, oldest first."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    if ids:
        values = {"ids": list(ids), "edge": NEWEST, "most": most}
        for line in (await connection.execute(JOURNAL, values)).mappings():
            found.setdefault(line["enrollment_id"], []).append(dict(line))
    return found


async def read_lines(
    connection: AsyncConnection, id_: str, *, before: int | None, after: int | None, most: int
) -> list[Mapping[str, Any]]:
    """Return lines of one journal next below or above a number, else the newest; the oldest first."""
    if after is not None:
        statement, edge = JOURNAL_NEWER, after
    else:
        statement, edge = JOURNAL, NEWEST if before is None else before
    rows = await connection.execute(statement, {"ids": [id_], "edge": edge, "most": most})
    return [dict(line) for line in rows.mappings()]
