"""Which sources are silent, for pages that many people look at: weeks of hours are read for it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from app.clock import utc_now
from app.console.kept import Kept
from app.tallies.silences import silences

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from app.console.context import Console
    from app.tallies.silence import Silence

SECONDS = 60.0  # for which it is kept


class Silent:
    """Reads it at most once a minute for each time zone in which proofs are told: there are a few hundred zones."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._kept: dict[str, Kept[Mapping[str, Silence]]] = {}

    async def value(self, zone: ZoneInfo) -> Mapping[str, Silence]:
        """Return for each source of the rules in force whether it is silent. Raises Busy."""
        kept = self._kept.setdefault(zone.key, Kept(partial(self._read, zone), SECONDS))
        return await kept.value()

    async def _read(self, zone: ZoneInfo) -> Mapping[str, Silence]:
        book = self._console.process.rulebook.current
        return await silences(self._console.reads, book, utc_now(), zone=zone) if book else {}
