"""HubSpot's limits: an exact rolling window counted on arrival, a daily budget, and a sender's 24 hours."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from app.sandbox.refusals import too_many

if TYPE_CHECKING:
    from app.sandbox.settings import Settings

DAY = 86_400.0


class Window:
    """The rolling window and the day of one account."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._arrivals: deque[float] = deque()
        self._today = 0
        self._day = 0.0
        self.refused = 0

    def arrive(self, now: float) -> None:
        """Count one request. Raises Refused (429) when the window or the day is full; refused ones are not counted."""
        length = self._settings.window_ms / 1000
        while self._arrivals and self._arrivals[0] <= now - length:
            self._arrivals.popleft()
        if now // DAY != self._day:
            self._day, self._today = now // DAY, 0
        if self._today >= self._settings.daily:
            self.refused += 1
            raise too_many("DAILY")
        if len(self._arrivals) >= self._settings.per_10s:
            self.refused += 1
            raise too_many("TEN_SECONDLY_ROLLING")
        self._arrivals.append(now)
        self._today += 1

    def headers(self) -> dict[str, str]:
        """Return the rate headers that stand on every answer."""
        return {
            "X-HubSpot-RateLimit-Max": str(self._settings.per_10s),
            "X-HubSpot-RateLimit-Remaining": str(max(self._settings.per_10s - len(self._arrivals), 0)),
            "X-HubSpot-RateLimit-Interval-Milliseconds": str(self._settings.window_ms),
            "X-HubSpot-RateLimit-Daily": str(self._settings.daily),
            "X-HubSpot-RateLimit-Daily-Remaining": str(max(self._settings.daily - self._today, 0)),
        }
