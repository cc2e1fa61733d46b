"""What one process counts by the hour of deliveries that leave no row. A count is one look-up in a dict, and no I/O.

`app.tallies` writes the totals into the database, from time to time and when the process ends.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HOUR_SECONDS = 3600
# Hours that could not be written for so long are given up: a total that comes later could be added to itself.
LONGEST = 24 * HOUR_SECONDS


@dataclass(frozen=True, slots=True)
class HourlyTotal:
    """The total `n` of one process in the hour that begins at `hour`; `last_at` is when it counted last."""

    hour: datetime
    source: str
    result: str
    reason: str
    n: int
    last_at: datetime


class HourlyCounts:
    """Totals by hour, source, result and reason. Only the thread of the event loop counts, so that no lock is needed.

    `clock` returns seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._totals: dict[tuple[int, str, str, str], tuple[int, float]] = {}
        self._written: dict[tuple[int, str, str, str], int] = {}

    def count(self, source: str, result: str, n: int = 1, *, reason: str = "") -> None:
        """Add `n` to a total of the present hour."""
        now = self._clock()
        key = (int(now) // HOUR_SECONDS, source, result, reason)
        self._totals[key] = (self._totals.get(key, (0, 0.0))[0] + n, now)

    def unwritten(self) -> list[HourlyTotal]:
        """Return the totals that have grown since they were written."""
        grown = ((key, total) for key, total in self._totals.items() if self._written.get(key) != total[0])
        return [
            HourlyTotal(_instant(hour * HOUR_SECONDS), source, result, reason, n, _instant(last))
            for (hour, source, result, reason), (n, last) in grown
        ]

    def written(self, totals: Sequence[HourlyTotal]) -> None:
        """Note that these totals are in the database, and forget the hours that are over and written, or too old."""
        for one in totals:
            key = (int(one.hour.timestamp()) // HOUR_SECONDS, one.source, one.result, one.reason)
            self._written[key] = one.n
        self.forget()

    def forget(self) -> None:
        """Forget totals of hours that are over: what is written, and what could not be written for a day."""
        now = self._clock()
        present = int(now) // HOUR_SECONDS
        for key in [key for key in self._totals if key[0] < present]:
            written = self._written.get(key) == self._totals[key][0]
            if written or key[0] < present - LONGEST // HOUR_SECONDS:
                del self._totals[key]
                self._written.pop(key, None)


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
