"""The openings of a window, and when in an opening an enrollment starts."""

from __future__ import annotations

import hashlib
from datetime import datetime, time, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

from app.sending_windows.calendars import holiday_on
from app.sending_windows.wall_clock import DAY, instant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from zoneinfo import ZoneInfo

    from app.model import Window

LOOK_AHEAD = 400  # days; a window that opens at all opens in these
SHORTEST = timedelta(minutes=1)


def is_open(window: Window, zone: ZoneInfo, now: datetime) -> bool:
    """Tell whether enrollments may start now."""
    return any(start <= now < end for start, end in _openings(window, zone, now, days=2))


def next_open(window: Window, zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime] | None:
    """Return the opening that holds `now`, else the next one, as (start, end); None when it opens in no 400 days."""
    return next((opening for opening in _openings(window, zone, now, days=LOOK_AHEAD) if now < opening[1]), None)


def closed_for(window: Window, zone: ZoneInfo, now: datetime) -> tuple[str, ...]:
    """Return the holidays that keep the window closed from now until its next opening, in their order."""
    found: list[str] = []
    for _, end, day in _working_days(window, zone, now, days=LOOK_AHEAD):
        if end <= now:
            continue
        if (reason := holiday(window, day)) is None:
            break
        found.append(reason)
    return tuple(dict.fromkeys(found))


def holiday(window: Window, day: date) -> str | None:
    """Return which holiday keeps the window closed on this day, "Epiphany in DE-BY"; None where none does."""
    return f"holiday on {day}" if day in window.holidays else holiday_on(day, window.calendars)


def _openings(window: Window, zone: ZoneInfo, now: datetime, *, days: int) -> Iterator[tuple[datetime, datetime]]:
    """Return the openings from the day before `now` on."""
    for start, end, day in _working_days(window, zone, now, days=days):
        if holiday(window, day) is None:
            yield start, end


def _working_days(
    window: Window, zone: ZoneInfo, now: datetime, *, days: int
) -> Iterator[tuple[datetime, datetime, date]]:
    """Return what the openings would be without holidays, each with its day."""
    today = now.astimezone(zone).date()
    for number in range(-1, days):
        day = today + timedelta(days=number)
        if day.isoweekday() not in window.days:
            continue
        start = instant(datetime.combine(day, window.opens), zone, last=False)
        closing = day + DAY if window.closes == time(0) else day
        end = _end(datetime.combine(closing, window.closes), zone)
        if start < end:
            yield start, end, day


def _end(clock: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant since which the wall clock has shown nothing before `clock`."""
    last = instant(clock, zone, last=True)
    # A clock that is put back to exactly `clock` passed it before, and has shown nothing earlier since.
    before = (last - timedelta.resolution).astimezone(zone).replace(tzinfo=None)
    return last if before < clock else instant(clock, zone, last=False)


def spread(opening: tuple[datetime, datetime], position: float, *, over: timedelta) -> datetime:
    """Return when in an opening an enrollment that waited for it starts.

    `position` is uniform in [0, 1). The starts are spread over the duration `over`, but not into the opening's last
    minute, nor into its second half where the opening is shorter than two minutes.
    """
    start, end = opening
    longest = min(over, max(end - start - SHORTEST, (end - start) / 2))
    # Fractions are exact, where a product of floats may be rounded up to the very end.
    return start + timedelta.resolution * int(longest // timedelta.resolution * Fraction(position))


def position_of(id_: str) -> float:
    """Return a number in [0, 1) for an id: the same on every replica, and evenly distributed."""
    digest = hashlib.sha256(id_.encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53  # 53 bits are what a float holds exactly
