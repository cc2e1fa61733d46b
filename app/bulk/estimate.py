"""When a job will be done: from the rate that it has had, or the one that its kind usually has. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """How many rows a kind does per second. Where `most`, it never does more: HubSpot has other work, too."""

    per_second: float
    most: bool = False

    def seconds(self, rows: int) -> float:
        """Return how long so many rows take, in seconds."""
        return max(0, rows) / self.per_second

    def pause(self, rows: int) -> float:
        """Return the seconds between a chunk of so many rows and the next one."""
        return self.seconds(rows) if self.most else 0.0


def seconds_left(pace: Pace, *, total: int, done: int, measured: int, within: float) -> float:
    """Return in how many seconds `done` of `total` rows have become all of them.

    `measured` rows were done `within` so many seconds, since the job last began to run; without any, the usual rate of
    the kind counts.
    """
    if measured <= 0 or within <= 0:
        return pace.seconds(total - done)
    rate = measured / within
    return max(0, total - done) / (min(rate, pace.per_second) if pace.most else rate)
