"""When enrollments may start: windows by weekday and hour in a time zone, holidays, and a spread instead of a burst.

Pure: `now` is passed in, all instants are aware and in UTC, and the wall clock only determines where a day's opening
begins and ends. Where the clock is put forward over an opening hour, the window opens after the missing hour; where it
is put back, the first occurrence opens and the last one closes.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, time, timedelta
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, available_timezones

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.model import Window

NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LOOK_AHEAD = 400  # days; a window that opens at all opens in these
SHORTEST = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)

_HOURS = re.compile(r"([0-9]{2}):([0-9]{2})\s*-\s*([0-9]{2}):([0-9]{2})")


def parse_days(text: str) -> frozenset[int]:
    """Return the weekdays of `mon-fri`, `mon,wed,fri`, `sat-mon` or `daily`. Raises ValueError."""
    if text.strip().lower() == "daily":
        return frozenset(range(1, 8))
    return frozenset(day for part in text.lower().split(",") for day in _range(part.strip(), text))


def _range(part: str, text: str) -> Iterator[int]:
    first, dash, last = part.partition("-")
    first, last = first.strip(), last.strip() if dash else first.strip()
    if first not in NAMES or last not in NAMES:
        raise ValueError(f"write days like mon-fri, mon,wed or daily, not {text!r}")
    start, length = NAMES.index(first), (NAMES.index(last) - NAMES.index(first)) % 7
    return ((start + number) % 7 + 1 for number in range(length + 1))


def parse_hours(text: str) -> tuple[time, time]:
    """Return when a window like `09:00-17:00` opens and closes; 24:00 is the end of the day. Raises ValueError."""
    found = _HOURS.fullmatch(text.strip())
    numbers = [int(group) for group in found.groups()] if found else [99]
    whole = numbers[2:] == [24, 0]
    if numbers[0] > 23 or (numbers[2] > 23 and not whole) or max(numbers[1], numbers[3]) > 59:  # noqa: PLR2004  # a clock's
        raise ValueError(f"write hours like 09:00-17:00, not {text!r}")
    opens, closes = time(numbers[0], numbers[1]), time(0) if whole else time(numbers[2], numbers[3])
    if closes <= opens and not whole:
        raise ValueError(f"{text!r} closes before it opens: a window ends at midnight (24:00) at the latest")
    return opens, closes


@cache
def _zones() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones()}


@cache
def zone(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name, or as HubSpot's `hs_timezone` writes it. Raises ValueError."""
    # HubSpot documents no list. The property's options as n8n carries them (nodes/Hubspot/V2/ContactDescription.ts) are
    # IANA names in lower case with two signs spelt out: america_slash_port_hyphen_au_hyphen_prince.
    known = _zones().get(name.strip().lower().replace("_slash_", "/").replace("_hyphen_", "-"))
    if known is None:
        raise ValueError(f"there is no time zone {name!r}: write one like Europe/Berlin")
    return ZoneInfo(known)


def is_open(window: Window, zone: ZoneInfo, now: datetime) -> bool:
    """Tell whether enrollments may start now."""
    return any(start <= now < end for start, end in _openings(window, zone, now, days=2))


def next_open(window: Window, zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime] | None:
    """Return the opening that holds `now`, else the next one, as (start, end); None when it opens in no 400 days."""
    return next((opening for opening in _openings(window, zone, now, days=LOOK_AHEAD) if now < opening[1]), None)


def _openings(window: Window, zone: ZoneInfo, now: datetime, *, days: int) -> Iterator[tuple[datetime, datetime]]:
    """Return the openings from the day before `now` on."""
    today = now.astimezone(zone).date()
    for number in range(-1, days):
        day = today + timedelta(days=number)
        if day.isoweekday() not in window.days or day in window.holidays:
            continue
        start = _instant(datetime.combine(day, window.opens), zone, last=False)
        closing = day + DAY if window.closes == time(0) else day
        end = _end(datetime.combine(closing, window.closes), zone)
        if start < end:
            yield start, end


def _end(clock: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant since which the wall clock has shown nothing before `clock`."""
    last = _instant(clock, zone, last=True)
    # A clock that is put back to exactly `clock` passed it before, and has shown nothing earlier since.
    before = (last - timedelta.resolution).astimezone(zone).replace(tzinfo=None)
    return last if before < clock else _instant(clock, zone, last=False)


def _instant(clock: datetime, zone: ZoneInfo, *, last: bool) -> datetime:
    """Return when the wall clock shows `clock` (the `last` of two times), or has just skipped it."""
    found = clock.replace(tzinfo=zone, fold=int(last)).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == clock:
        return found
    # The clock skips it. The offset before the gap gives an instant too late, the offset after it one too early.
    offsets = [clock.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta() for fold in (0, 1)]
    before, after = (clock - max(offsets)).replace(tzinfo=UTC), (clock - min(offsets)).replace(tzinfo=UTC)
    while after - before > SECOND:
        middle = before + ((after - before) / 2 // SECOND) * SECOND
        if middle.astimezone(zone).replace(tzinfo=None) >= clock:
            after = middle
        else:
            before = middle
    return after


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


def next_midnight(zone: ZoneInfo, now: datetime) -> datetime:
    """Return when the next day begins in the time zone."""
    tomorrow = datetime.combine(now.astimezone(zone).date() + DAY, time(0))
    first = _instant(tomorrow, zone, last=False)
    # Newfoundland put its clock back from 00:01 until 2010: the same day began twice.
    return first if first > now else _instant(tomorrow, zone, last=True)
