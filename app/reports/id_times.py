"""Ids as times: an id begins with the milliseconds at which it was made, so that a period is a range of a key. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

PREFIX = 4  # `evt_`
_TIME = 12  # hexadecimal digits
_EARLIEST, _LATEST = 0, (1 << 48) - 1


def first_id(prefix: str, at: datetime) -> str:
    """Return the id below which all ids of this kind are older than `at`; the prefix is without its underscore."""
    return f"{prefix}_{min(_LATEST, max(_EARLIEST, int(at.timestamp() * 1000))):012x}"


def time_of(id_: str) -> datetime | None:
    """Return when an id was made, None for one that holds no time."""
    try:
        milliseconds = int(id_[PREFIX : PREFIX + _TIME], 16)
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def tail_of(id_: str) -> str:
    """Return an id without its prefix: ids of all kinds are in one order by it."""
    return id_[PREFIX:]
