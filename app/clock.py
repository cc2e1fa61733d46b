"""Clocks that count suspension, so that a process frozen between two lines notices."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta

# Linux stops CLOCK_MONOTONIC while the machine sleeps and counts on in CLOCK_BOOTTIME; macOS counts sleep in
# CLOCK_MONOTONIC itself.
_SUSPENSION_COUNTING_CLOCK: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_UNITS = {"day": 86_400, "hour": 3_600, "minute": 60, "second": 1}


def elapsed_seconds() -> float:
    """Return seconds since an arbitrary start, suspension of the process or of the machine included."""
    return time.clock_gettime(_SUSPENSION_COUNTING_CLOCK)


def utc_now() -> datetime:
    """Return the present instant, aware, in UTC."""
    return datetime.now(UTC)


def in_words(duration: timedelta | float) -> str:
    """Return a duration (seconds where it is a number) as people write it: `30 days`, `1 hour 30 minutes`.

    It is rounded up to whole seconds, and the two largest units are named.
    """
    left = math.ceil(duration.total_seconds() if isinstance(duration, timedelta) else duration)
    parts = []
    for unit, seconds in _UNITS.items():
        count, left = divmod(left, seconds)
        if count:
            parts.append(f"{count} {unit}{'' if count == 1 else 's'}")
    return " ".join(parts[:2]) or "0 seconds"
