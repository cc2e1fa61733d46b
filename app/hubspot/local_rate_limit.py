"""A rate limit for one process that cannot reach the shared one: slow enough to leave room for other processes."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.clock import elapsed_seconds

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

REQUESTS = 20  # of the 100 that the smallest plan allows
WINDOW_SECONDS = 10.0
PERMIT_LIFE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class LocalPermit:
    """Permission to send one request now. `since` is when it was given, by `elapsed`."""

    since: float
    elapsed: Callable[[], float]

    def spent(self) -> bool:
        """Return whether it is too old to be used."""
        return self.elapsed() - self.since > PERMIT_LIFE_SECONDS

    def use(self) -> None:
        """Do nothing: a permit counts for the same time whether it is used or not."""


class LocalRateLimit:
    """At most 20 requests in any 10 seconds by this process; the limits that HubSpot reports do not raise that."""

    def __init__(
        self,
        *,
        elapsed: Callable[[], float] = elapsed_seconds,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._elapsed = elapsed
        self._wait = wait
        self._given: deque[float] = deque(maxlen=REQUESTS)
        self._not_before = 0.0
        self._turn = asyncio.Lock()

    async def acquire(
        self,
        kind: str = "general",  # noqa: ARG002  # one window for all kinds
        *,
        again: bool = False,  # noqa: ARG002  # with so few requests the order does not matter
    ) -> LocalPermit:
        """Return when a request may be sent."""
        async with self._turn:
            full = self._given[0] + WINDOW_SECONDS + PERMIT_LIFE_SECONDS if len(self._given) == REQUESTS else 0.0
            wait = max(full, self._not_before) - self._elapsed()
            if wait > 0:
                await self._wait(wait)
            self._given.append(self._elapsed())
            return LocalPermit(self._given[-1], self._elapsed)

    def adopt_limit(self, maximum: int, interval_ms: int) -> None:
        """Do nothing: other processes send as this account without counting our requests."""

    def throttled(self, code: str, retry_after: float | None) -> None:  # noqa: ARG002  # every limit causes the same pause
        """Pause after a 429 until the requests in this window have left it."""
        self._not_before = self._elapsed() + min(retry_after or WINDOW_SECONDS, WINDOW_SECONDS)
