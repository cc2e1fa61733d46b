"""What the proof of a source is worth, in words for operators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Proof:
    """`how` a delivery is proved, what the proof `covers`, and how long a captured request can be `replay`ed."""

    how: str
    covers: str
    replay: str


WHILE_IN_FORCE = "while the secret is in force"
NOTHING = Proof("nothing", "nothing: whoever knows the URL is believed", "for ever")


def for_so_long(tolerance: timedelta) -> str:
    """Return a tolerance in minutes, or in seconds where it is not a whole number of minutes."""
    seconds = int(tolerance.total_seconds())
    return f"for {seconds} s" if seconds % 60 else f"for {seconds // 60} min"
