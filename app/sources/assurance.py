"""What a source's way of proving itself is worth, in words for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Proof:
    """`how` it is proved, what that `covers`, and for how long a captured request could be used again (`replay`)."""

    how: str
    covers: str
    replay: str


WHILE_IN_FORCE = "while the secret is in force"
NOTHING = Proof("nothing", "nothing: whoever knows the URL is believed", "for ever")


def for_so_long(tolerance: timedelta) -> str:
    """Return a tolerance in minutes, or in seconds where it is no whole number of them."""
    seconds = int(tolerance.total_seconds())
    return f"for {seconds} s" if seconds % 60 else f"for {seconds // 60} min"
