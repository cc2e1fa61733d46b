"""Which sources are silent, for pages that many people look at: weeks of hours are read for it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from app.clock import utc_now
from app.console.kept import KeptBy
from app.tallies.silences import silences

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from app.console.context import Console
    from app.tallies.silence import Silence

SECONDS = 60.0  # for which it is kept


def kept_silence(console: Console) -> KeptBy[ZoneInfo, Mapping[str, Silence]]:
    """Return what says, for a time zone, which sources of the rules in force are silent, each with its proof."""
    return KeptBy(partial(_silent, console), SECONDS)


async def _silent(console: Console, zone: ZoneInfo) -> Mapping[str, Silence]:
    book = console.process.rulebook.current
    return await silences(console.reads, book, utc_now(), zone=zone) if book else {}
