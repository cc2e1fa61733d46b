"""Figures and times as the pages write them. Pure: `now` and the zone are arguments."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from app.masking import masked_text
from app.sending_windows import wall_clock

if TYPE_CHECKING:
    from datetime import tzinfo

MINUTE, HOUR, DAY = 60, 3600, 86400
KIB, MIB, GIB = 1024, 1024**2, 1024**3
# As Segue writes a time into a detail: `2026-11-24 10:02 UTC`, `Mon 2026-11-23 09:00 (Europe/Berlin)`.
_WRITTEN = re.compile(
    r"(?:\b[A-Z][a-z]{2} )?\b(?P<at>\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?) (?:UTC\b|\((?P<zone>[A-Z][\w+/-]{0,60})\))"
)
CAP = 10_000  # rows; a page does not count further


def capital(text: str) -> str:
    """Return a text that begins with a large letter."""
    return text[:1].upper() + text[1:]


def number(value: float) -> str:
    """Return a figure with its thousands apart, rounded to a whole one: `5,214`."""
    return f"{value:,.0f}"


def capped(count: int, cap: int = CAP) -> str:
    """Return a count that was taken up to one beyond `cap`: `more than 10,000` where it reached that."""
    return f"more than {number(cap)}" if count > cap else number(count)


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return a count that was taken up to one beyond CAP, with its noun: `14 events`, `more than 10,000 events`."""
    return f"{capped(count)} {one if count == 1 else many or one + 's'}"


def exactly(count: int, one: str, many: str | None = None) -> str:
    """Return a whole count, as tallies have it, with its noun: `1 person`, `12,345 people`."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def percent(part: float, whole: float, digits: int = 0) -> str:
    """Return a share, a dash where there is nothing to share."""
    return f"{100 * part / whole:.{digits}f}%" if whole else "-"


def size(count: int) -> str:
    """Return a number of bytes as people say it."""
    for unit, name in ((GIB, "GB"), (MIB, "MB"), (KIB, "kB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{number(count)} bytes"


def local_time(at: datetime, zone: tzinfo) -> datetime:
    """Return a time on the clock of a zone; as it is where that clock has none, on the first and the last day of all.

    Senders write when something occurred, and may write anything.
    """
    try:
        return at.astimezone(zone)
    except OverflowError:
        return at


def clock(at: datetime, zone: ZoneInfo) -> str:
    """Return the time of day: `14:32:07`."""
    return local_time(at, zone).strftime("%H:%M:%S")


def hour(at: datetime, zone: ZoneInfo) -> str:
    """Return the time of day without seconds: `14:32`."""
    return f"{local_time(at, zone):%H:%M}"


def exact(at: datetime, zone: ZoneInfo) -> str:
    """Return the time of day to the millisecond: `10:13:58.412`."""
    local = local_time(at, zone)
    return f"{local:%H:%M:%S}.{local.microsecond // 1000:03d}"


def moment(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """Return when something was, shortly: `14:32` today, `Tue 10:13` within six days, else with its date."""
    local, today = local_time(at, zone), local_time(now, zone)
    if local.date() == today.date():
        return f"{local:%H:%M}"
    if timedelta(0) < today - local < timedelta(days=6):
        return f"{local:%a %H:%M}"
    return day(at, now, zone) + f", {local:%H:%M}"


def with_moments(said: str, now: datetime, zone: ZoneInfo) -> str:
    """Return a stored sentence in which times that name their zone, as details have them, are those of the page."""
    return _WRITTEN.sub(lambda found: _as_moment(found, now, zone), said)


def _as_moment(found: re.Match[str], now: datetime, zone: ZoneInfo) -> str:
    try:
        written = wall_clock.zone(found["zone"] or "UTC")
        return moment(datetime.fromisoformat(found["at"]).replace(tzinfo=written), now, zone)
    except (ValueError, OverflowError):  # no such time, or no such zone
        return found.group()


def day(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """Return a date: `24 Nov`, with its year where that is another one."""
    local = local_time(at, zone)
    year = "" if local.year == local_time(now, zone).year else f" {local.year}"
    return f"{local.day} {local:%b}{year}"


def whole_day(at: datetime, zone: ZoneInfo) -> str:
    """Return a date in full: `Tuesday 24 November`."""
    local = local_time(at, zone)
    return f"{local:%A} {local.day} {local:%B}"


def dated(at: datetime, zone: ZoneInfo) -> str:
    """Return a date with its year, for paper: `Tuesday 24 November 2026`."""
    return f"{whole_day(at, zone)} {local_time(at, zone):%Y}"


def span(seconds: float) -> str:
    """Return a duration in its largest unit: `4 s`, `12 min`, `3 h`, `2 days`."""
    seconds = abs(seconds)
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE:.0f} min"
    if seconds < 2 * DAY:
        return f"{seconds // HOUR:.0f} h"
    return f"{seconds // DAY:.0f} days"


def ago(at: datetime, now: datetime) -> str:
    """Return how long ago something was: `2 min ago`, or `in 4 s` where it is to come."""
    seconds = (now - at).total_seconds()
    return f"in {span(seconds)}" if seconds < 0 else f"{span(seconds)} ago"


def zone_named(name: str) -> ZoneInfo:
    """Return a zone that was stored, UTC where this machine does not know it: HubSpot names it, or an older tzdata."""
    try:
        return wall_clock.zone(name)
    except ValueError:
        return ZoneInfo("UTC")


def zone_name(zone: ZoneInfo) -> str:
    """Return a zone's word: `Berlin`."""
    return zone.key.rpartition("/")[2].replace("_", " ")


def masked(address: str | None) -> str:
    """Return an address of which the first letter and the domain are shown: `a***@corp.example`."""
    return masked_text(address) if address else ""


def iso(at: datetime) -> str:
    """Return a time for machines."""
    return at.astimezone(UTC).isoformat()
