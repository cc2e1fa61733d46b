"""Clocks that count suspension, so that a process frozen between two lines notices."""

from __future__ import annotations

import time
from datetime import UTC, datetime

# Linux stops CLOCK_MONOTONIC while the machine sleeps and counts on in CLOCK_BOOTTIME; macOS counts sleep in
# CLOCK_MONOTONIC itself.
_SUSPENSION_COUNTING_CLOCK: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def elapsed_seconds() -> float:
    """Return seconds since an arbitrary start, suspension of the process or of the machine included."""
    return time.clock_gettime(_SUSPENSION_COUNTING_CLOCK)


def utc_now() -> datetime:
    """Return the present instant, aware, in UTC."""
    return datetime.now(UTC)
