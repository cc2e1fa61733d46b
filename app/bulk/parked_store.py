"""Parked enrollments in groups: by cause, rule, sender or day, with what to do, and whether a group may be released."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.bulk.causes import cause_of
from app.bulk.filters import Filter
from app.bulk.groups import By, ParkedGroup, filter_of_group
from app.bulk.parked_filter import ONE_BY_ONE
from app.database.engine import busy_when_gone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

GROUPS = 200  # the largest ones
EVERYTHING = Filter()
NARROWED = ("reason", "rule", "sender", "lacks", "since", "until")


# An index has these columns for parked rows alone, in this order, so that neither the table is read nor anything sorted
# but the few groups that the first step leaves. A group may be narrowed further.
GROUP_PARKED = text("""
    WITH alike AS MATERIALIZED (
        SELECT reason, rule, sender, count(*) AS rows, min(updated_at) AS since,
               CASE WHEN CAST(:by AS text) = 'day' THEN to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') END AS day
        FROM enrollments
        WHERE state = 'parked'
          AND (CAST(:reason AS text) IS NULL OR reason = :reason) AND (CAST(:rule AS text) IS NULL OR rule = :rule)
          AND (CAST(:sender AS text) IS NULL OR sender = :sender)
          AND (reason IS NULL OR 'reason' <> ALL(CAST(:lacks AS text[])))
          AND (sender IS NULL OR 'sender' <> ALL(CAST(:lacks AS text[])))
          AND (CAST(:since AS timestamptz) IS NULL OR updated_at >= :since)
          AND (CAST(:until AS timestamptz) IS NULL OR updated_at < :until)
        GROUP BY reason, rule, sender, day
    )
    SELECT CASE CAST(:by AS text) WHEN 'cause' THEN reason WHEN 'rule' THEN rule WHEN 'sender' THEN sender
                ELSE day END AS value,
           CAST(sum(rows) AS bigint) AS count,
           CAST(sum(CASE WHEN reason = ANY(CAST(:one_by_one AS text[])) THEN rows ELSE 0 END) AS bigint) AS one_by_one,
           min(since) AS since,
           count(DISTINCT reason) AS reasons, min(reason) AS reason,
           count(DISTINCT rule) AS rules, min(rule) AS rule,
           count(DISTINCT sender) AS senders, min(sender) AS sender
    FROM alike GROUP BY value ORDER BY count DESC, value LIMIT :most
""")


class ParkedStore:
    """The parked enrollments. Every method raises Busy while the database cannot be reached."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def groups(self, by: By, within: Filter = EVERYTHING) -> list[ParkedGroup]:
        """Return the largest groups of parked enrollments, the largest first; a day's are its enrollments in UTC.

        Of `within` reason, rule, sender, what is lacking and times count; the filter of a group does not have them.
        """
        values = values_of_groups(by, within)
        with busy_when_gone():
            async with self._engine.connect() as connection:
                rows: Sequence[Any] = (await connection.execute(GROUP_PARKED, values)).all()
        groups = [group_of(by, row) for row in rows]
        return sorted(groups, key=lambda group: group.value or "", reverse=True) if by is By.DAY else groups


def values_of_groups(by: By, within: Filter = EVERYTHING) -> dict[str, Any]:
    """Return the parameters of GROUP_PARKED."""
    values = {name: getattr(within, name) for name in NARROWED}
    return values | {"lacks": list(within.lacks), "by": by, "one_by_one": list(ONE_BY_ONE), "most": GROUPS}


def group_of(by: By, row: Any) -> ParkedGroup:
    """Return a group from its row of GROUP_PARKED."""
    reason = row.reason if row.reasons == 1 else None
    return ParkedGroup(
        by,
        row.value,
        row.count,
        row.one_by_one,
        row.since,
        reasons=row.reasons,
        reason=reason,
        rules=row.rules,
        rule=row.rule if row.rules == 1 else None,
        senders=row.senders,
        sender=row.sender if row.senders == 1 else None,
        cause=cause_of(reason),
        filter=filter_of_group(by, row.value),
    )
