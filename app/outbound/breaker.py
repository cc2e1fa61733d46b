"""The circuit breaker of each endpoint: after repeated failures it pauses, then tries a single event. Pure.

    closed --5 failures in a row--> open --30 s, doubled each time, 30 min at most--> half-open
      ^                                ^                                                 |
      |                                +--------------------- failure ------------------+
      +------------------------------- success, from anywhere --------------------------+

In half-open one event at a time is sent: the probe. The events that wait meanwhile are not tried, so they use up none
of their tries.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from app.outbound.retry_schedule import Verdict

THRESHOLD = 5
SHORTEST = timedelta(seconds=30)
LONGEST = timedelta(minutes=30)
DOUBLINGS_TO_LONGEST = 6  # 30 s doubled six times passes 30 min; more would only make large numbers


class Position(StrEnum):
    """The position of a breaker."""

    CLOSED = "closed"  # every event is sent
    HALF_OPEN = "half-open"  # one event is sent as a probe
    OPEN = "open"  # no event is sent


@dataclass(frozen=True, slots=True)
class Breaker:
    """The recent answers of an endpoint.

    `failures` are in a row; `openings` counts how often the breaker opened since the last success. A probe holds its
    place until `probing_until`, so that a probe whose process died does not block the endpoint for ever.
    """

    failures: int = 0
    openings: int = 0
    open_until: datetime | None = None
    probing_until: datetime | None = None

    def position(self, now: datetime) -> Position:
        """Return the position at `now`."""
        if self.open_until is None:
            return Position.CLOSED
        return Position.OPEN if now < self.open_until else Position.HALF_OPEN

    def may_probe(self, now: datetime) -> bool:
        """Return whether one event may be sent as a probe."""
        free = self.probing_until is None or now >= self.probing_until
        return free and self.position(now) is Position.HALF_OPEN

    def failed(self, now: datetime) -> Breaker:
        """Return the breaker after a failure. A failure of an event sent before it opened does not extend the pause."""
        failures = self.failures + 1
        position = self.position(now)
        if position is Position.OPEN or (position is Position.CLOSED and failures < THRESHOLD):
            return replace(self, failures=failures)
        return Breaker(failures, self.openings + 1, now + open_for(self.openings))

    def after(self, verdict: Verdict, now: datetime) -> Breaker:
        """Return the breaker after an answer. An endpoint that is gone is disabled, and its breaker stays as it is."""
        if verdict is Verdict.DELIVERED:
            return self.succeeded()
        return self.failed(now) if verdict is Verdict.FAILED else self

    def succeeded(self) -> Breaker:
        """Return the breaker after a success: closed, with all counts at 0."""
        return Breaker()


def open_for(openings: int) -> timedelta:
    """Return how long the breaker stays open after `openings` earlier openings: 30 s, doubled, 30 min at most."""
    doublings: int = 2 ** min(openings, DOUBLINGS_TO_LONGEST)
    return min(LONGEST, SHORTEST * doublings)
