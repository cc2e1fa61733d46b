"""Words for operators: what the proof of a source is worth, and what is wrong with its secrets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from app.model import Secret


@dataclass(frozen=True, slots=True)
class Proof:
    """`how` a delivery is proved, what the proof `covers`, and how long a captured request stays usable (`replay`)."""

    how: str
    covers: str
    replay: str


WHILE_IN_FORCE = "while the secret is in force"
NOTHING = Proof("nothing", "nothing: whoever knows the URL is believed", "for ever")


def for_so_long(tolerance: timedelta) -> str:
    """Return a tolerance in minutes, or in seconds where it is not a whole number of minutes."""
    seconds = int(tolerance.total_seconds())
    return f"for {seconds} s" if seconds % 60 else f"for {seconds // 60} min"


def mistakes_of_each(secrets: tuple[Secret, ...], mistake_of: Callable[[str], str | None]) -> list[str]:
    """Return a sentence for each secret in which `mistake_of` finds a mistake, or one sentence where none is set."""
    if not secrets:
        return ["needs at least one secret: without one every delivery is refused"]
    return [
        f"secret {number} {mistake}"
        for number, secret in enumerate(secrets, start=1)
        if (mistake := mistake_of(secret.value))
    ]
