"""Parked enrollments in groups: by cause, rule, sender or day, with what to do, and whether a group may be released."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.bulk.filters import Filter
from app.bulk.parked_filter import ONE_BY_ONE
from app.database.engine import busy_when_gone
from app.hubspot.api.faults import faults

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

GROUPS = 200  # the largest ones


class By(StrEnum):
    """What parked enrollments are grouped by. A cause is a reason; a day is one in UTC."""

    CAUSE = "cause"
    RULE = "rule"
    SENDER = "sender"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class ParkedGroup:
    """One group. `value` is what all of it have in common, None for those without a reason or a sender.

    `count` are all of it, `one_by_one` those that no group release touches; `since` is when the first of them was
    parked. `reasons`, `rules` and `senders` say how many different ones there are, and `reason`, `rule` and `sender`
    are set where there is one alone. `sentence`, `what_to_do` and `anchor` (of docs/faults.md) are the fault table's,
    where `reason` is one of it. `filter` finds the group again: for a preview, and a job.
    """

    by: By
    value: str | None
    count: int
    one_by_one: int
    since: datetime
    reasons: int
    reason: str | None
    rules: int
    rule: str | None
    senders: int
    sender: str | None
    sentence: str | None
    what_to_do: str | None
    anchor: str | None
    filter: Filter | None

    @property
    def may_be_released(self) -> bool:
        """Whether a group release is allowed: some of it are not looked at one by one, and a filter finds them."""
        return self.filter is not None and self.count > self.one_by_one


# An index has these columns for parked rows alone, so that the table is not read.
GROUP_PARKED = text("""
    SELECT CASE CAST(:by AS text) WHEN 'cause' THEN reason WHEN 'rule' THEN rule WHEN 'sender' THEN sender
                ELSE to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') END AS value,
           count(*) AS count, count(*) FILTER (WHERE reason = ANY(CAST(:one_by_one AS text[]))) AS one_by_one,
           min(updated_at) AS since,
           count(DISTINCT reason) AS reasons, min(reason) AS reason,
           count(DISTINCT rule) AS rules, min(rule) AS rule,
           count(DISTINCT sender) AS senders, min(sender) AS sender
    FROM enrollments WHERE state = 'parked'
    GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT :most
""")


class ParkedStore:
    """The parked enrollments. Every method raises Busy while the database cannot be reached."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def groups(self, by: By) -> list[ParkedGroup]:
        """Return the largest groups of parked enrollments, the largest first; a day's are its enrollments in UTC."""
        values = {"by": by, "one_by_one": list(ONE_BY_ONE), "most": GROUPS}
        with busy_when_gone():
            async with self._engine.connect() as connection:
                rows: Sequence[Any] = (await connection.execute(GROUP_PARKED, values)).all()
        groups = [_group(by, row) for row in rows]
        return sorted(groups, key=lambda group: group.value or "", reverse=True) if by is By.DAY else groups


def _group(by: By, row: Any) -> ParkedGroup:
    reason = row.reason if row.reasons == 1 else None
    fault = faults().get(reason or "")
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
        sentence=fault.sentence if fault else None,
        what_to_do=fault.do if fault else None,
        anchor=fault.anchor if fault else None,
        filter=None if row.value is None else _filter(by, row.value),
    )


def _filter(by: By, value: str) -> Filter:
    if by is By.DAY:
        begins = datetime.combine(date.fromisoformat(value), time(), UTC)
        return Filter(since=begins, until=begins + timedelta(days=1))
    match by:
        case By.CAUSE:
            return Filter(reason=value)
        case By.RULE:
            return Filter(rule=value)
    return Filter(sender=value)
