"""Days and hours as the rules file writes them."""

from __future__ import annotations

import re
from datetime import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

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
