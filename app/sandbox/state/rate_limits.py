"""HubSpot's rate limits: an exact rolling window, counted on arrival, and a daily limit."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from app.sandbox.errors import too_many

if TYPE_CHECKING:
    from datetime import date

    from app.sandbox.state.settings import Settings

DAY = 86_400.0


class Rolling:
    """Counts the requests of the last so many seconds."""

    def __init__(self) -> None:
        self._arrivals: deque[float] = deque()

    def within(self, length: float, now: float) -> int:
        """Return how many arrived in the `length` seconds up to `now`, and forget the others."""
        while self._arrivals and self._arrivals[0] <= now - length:
            self._arrivals.popleft()
        return len(self._arrivals)

    def add(self, now: float) -> None:
        """Count one."""
        self._arrivals.append(now)

    def __len__(self) -> int:
        return len(self._arrivals)


class Window:
    """The rolling window and the day of one account. An OAuth app has a smaller window and no daily limit."""

    def __init__(self, settings: Settings, *, oauth: bool = False) -> None:
        self._settings = settings
        self._oauth = oauth
        self._rolling = Rolling()
        self._today = 0
        self._day: date | None = None
        self.refused = 0

    @property
    def _limit(self) -> int:
        return self._settings.oauth_per_10s if self._oauth else self._settings.per_10s

    def arrive(self, now: float) -> None:
        """Count one request. Raises Refused (429) when the window or the day is full; refused ones are not counted."""
        within = self._rolling.within(self._settings.window_ms / 1000, now)
        if not self._oauth and self.today(now) >= self._settings.daily:
            self.refused += 1
            raise too_many("DAILY")
        if within >= self._limit:
            self.refused += 1
            raise too_many("TEN_SECONDLY_ROLLING")
        self._rolling.add(now)
        self._today += 1

    def today(self, now: float) -> int:
        """Return how many requests were counted since the account's midnight."""
        day = self._local(now).date()
        if day != self._day:
            self._day, self._today = day, 0
        return self._today

    def resets_at(self, now: float) -> float:
        """Return the account's next midnight."""
        local = self._local(now)
        return datetime.combine(local.date() + timedelta(days=1), time.min, local.tzinfo).timestamp()

    def headers(self) -> dict[str, str]:
        """Return the rate limit headers of every response; the daily pair is absent for OAuth."""
        rolling = {
            "X-HubSpot-RateLimit-Max": str(self._limit),
            "X-HubSpot-RateLimit-Remaining": str(max(self._limit - len(self._rolling), 0)),
            "X-HubSpot-RateLimit-Interval-Milliseconds": str(self._settings.window_ms),
        }
        daily = {
            "X-HubSpot-RateLimit-Daily": str(self._settings.daily),
            "X-HubSpot-RateLimit-Daily-Remaining": str(max(self._settings.daily - self._today, 0)),
        }
        return rolling if self._oauth else rolling | daily

    def _local(self, now: float) -> datetime:
        return datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(self._settings.timezone))
