"""The operator's cap on an account's requests in a day, counted for all replicas."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from app.errors import BudgetSpent
from app.hubspot import rate_limit_statements as sql
from app.sending_windows import next_midnight, zone

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.database.direct import DirectConnection
    from app.hubspot.permits import PermitBlock

Unused = Counter[datetime | None]  # by the end of the day that they were counted against


@dataclass(slots=True)
class RateDay:
    """The day of one account. Without a cap (`daily`), or without a known time zone, nothing is counted.

    `unused` permits were counted and never sent: the next ones that count give them back.
    """

    account: str
    daily: int | None = None
    timezone: str | None = None
    unused: Unused = field(default_factory=Counter)

    @property
    def counts(self) -> bool:
        """Tell whether requests count against the day."""
        return self.daily is not None and self.timezone is not None

    async def spend(self, connection: DirectConnection, wanted: int, unused: Unused) -> tuple[int, datetime | None]:
        """Count requests in the caller's transaction; return how many are admitted, and when the day ends.

        `unused` are given back. Raises BudgetSpent when none is admitted.
        """
        if self.daily is None or self.timezone is None:
            return wanted, None
        (clock,) = await connection.fetch(sql.CLOCK, {})
        key = {"account": self.account, "ends_at": next_midnight(zone(self.timezone), clock["now"])}
        (day,) = await connection.fetch(sql.COUNT_DAY, key)
        given_back = min(unused[day["ends_at"]], day["used"])
        granted: int = min(wanted, self.daily - day["used"] + given_back)
        if granted <= 0:
            raise BudgetSpent("daily_budget", day["ends_at"])
        await connection.fetch(sql.SPEND_DAY, {"account": self.account, "count": granted - given_back})
        return granted, day["ends_at"]


def unused_of(finished: Iterable[PermitBlock]) -> Unused:
    """Return how many of these permits were not used, by the day that they were counted against."""
    unused: Unused = Counter()
    for one in finished:
        unused[one.day] += one.count - one.used
    return unused
