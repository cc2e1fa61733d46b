"""Groups of parked enrollments: what they have in common, and the filter that finds one again. Plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from app.bulk.filters import Filter

if TYPE_CHECKING:
    from app.bulk.causes import Cause


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
    are set where there is one alone. `cause` is what `reason` means, None where no table has it. `filter` finds the
    group again: for a preview, and a job.
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
    cause: Cause | None
    filter: Filter

    @property
    def may_be_released(self) -> bool:
        """Whether a group release is allowed: some of it are not looked at one by one."""
        return self.count > self.one_by_one


def of_day(day: date) -> Filter:
    """Return what finds the enrollments that were parked on a day in UTC."""
    begins = datetime.combine(day, time(), UTC)
    return Filter(since=begins, until=begins + timedelta(days=1))


def filter_of_group(by: By, value: str | None) -> Filter:
    """Return the filter that finds a group again, by what its members have in common: nothing else, where it is None.

    Each enrollment has a rule and a day.
    """
    match by:
        case By.DAY:
            return of_day(date.fromisoformat(value or ""))
        case By.CAUSE:
            return Filter(reason=value) if value is not None else Filter(lacks=("reason",))
        case By.SENDER:
            return Filter(sender=value) if value is not None else Filter(lacks=("sender",))
    return Filter(rule=value)
