"""The breaker before each endpoint: who keeps failing is left alone for a while, then asked once. Pure.

    closed --5 failures in a row--> open --30 s, doubled each time, 30 min at most--> half-open
      ^                                ^                                                 |
      |                                +--------------------- failure ------------------+
      +------------------------------- success, from anywhere --------------------------+

In half-open one delivery at a time goes out: the probe. What waits meanwhile has not been tried, so that it costs none
of its tries.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

THRESHOLD = 5
SHORTEST = timedelta(seconds=30)
LONGEST = timedelta(minutes=30)
DOUBLINGS_TO_LONGEST = 6  # 30 s doubled six times passes 30 min; more would only make large numbers


class Position(StrEnum):
    """Where a breaker stands."""

    CLOSED = "closed"  # everything goes out
    HALF_OPEN = "half-open"  # one goes out, to see
    OPEN = "open"  # nothing goes out


@dataclass(frozen=True, slots=True)
class Breaker:
    """How an endpoint has answered of late.

    `failures` are in a row; `openings` counts how often it opened since the last success. A probe holds its place until
    `probing_until`, so that one whose process died does not keep the endpoint closed off for ever.
    """

    failures: int = 0
    openings: int = 0
    open_until: datetime | None = None
    probing_until: datetime | None = None

    def position(self, now: datetime) -> Position:
        """Return where it stands at `now`."""
        if self.open_until is None:
            return Position.CLOSED
        return Position.OPEN if now < self.open_until else Position.HALF_OPEN

    def may_probe(self, now: datetime) -> bool:
        """Tell whether one delivery may go out to see how the endpoint does."""
        free = self.probing_until is None or now >= self.probing_until
        return free and self.position(now) is Position.HALF_OPEN

    def failed(self, now: datetime) -> Breaker:
        """Return what follows from a failure. One that was on its way when it opened does not open it for longer."""
        failures = self.failures + 1
        position = self.position(now)
        if position is Position.OPEN or (position is Position.CLOSED and failures < THRESHOLD):
            return replace(self, failures=failures)
        return Breaker(failures, self.openings + 1, now + open_for(self.openings))

    def succeeded(self) -> Breaker:
        """Return what follows from a success: all is forgotten."""
        return Breaker()


def open_for(openings: int) -> timedelta:
    """Return for how long it stays open after it opened `openings` times before: 30 s, doubled, 30 min at most."""
    doublings: int = 2 ** min(openings, DOUBLINGS_TO_LONGEST)
    return min(LONGEST, SHORTEST * doublings)
