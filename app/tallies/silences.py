"""Which sources of the rules in force are silent: their deliveries are read, and each is judged by its own rhythm."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from app.tallies.read_store import arrivals
from app.tallies.silence import judge, keeps_holiday, windows_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, tzinfo

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.rules.rulebook import Rulebook
    from app.tallies.figures import Arrivals
    from app.tallies.silence import Silence


async def silences(engine: AsyncEngine, book: Rulebook, now: datetime, *, zone: tzinfo = UTC) -> Mapping[str, Silence]:
    """Return for each source whether it is silent, with the proof in the time of `zone`. One statement. Raises Busy."""
    found = await arrivals(engine, sorted(book.sources), now)
    return {one.source: _judged(one, book, now, zone) for one in found}


def _judged(one: Arrivals, book: Rulebook, now: datetime, zone: tzinfo) -> Silence:
    is_holiday = keeps_holiday(windows_of(book, one.source))
    return judge(one, now, is_holiday=is_holiday, silent_after=book.sources[one.source].silent_after, zone=zone)
