"""The wall clock of a time zone: the zone by its name, and the instants at which its clock shows a time."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


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


def instant(clock: datetime, zone: ZoneInfo, *, last: bool) -> datetime:
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


def next_midnight(zone: ZoneInfo, now: datetime) -> datetime:
    """Return when the next day begins in the time zone."""
    tomorrow = datetime.combine(now.astimezone(zone).date() + DAY, time(0))
    first = instant(tomorrow, zone, last=False)
    # Newfoundland put its clock back from 00:01 until 2010: the same day began twice.
    return first if first > now else instant(tomorrow, zone, last=True)
