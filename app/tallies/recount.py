"""COUNT: which hours changed, and each of them whole, on one page.

A turn finds the hours of which the journal, a decision or a new event says that something was written; counts each
from its rows, in a transaction that replaces its cells; and only then notes how far it came. A process that stops
between two steps leaves hours that the next turn counts again, which changes nothing. A line whose transaction has not
ended is waited for: the journal's numbers are given before the commit.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from app.errors import FenceLost

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.tallies.store import TallyStore, Turn

HOURS_OF_A_REBUILD = 200  # in one turn: others then get theirs
AT_ONCE, PAUSE = 0.0, 0.2  # seconds

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Recount:
    """Counts the hours, as far as it is this replica's turn. `stopping` ends a turn early."""

    store: TallyStore
    stopping: Callable[[], bool] = lambda: False

    async def run(self) -> float | None:
        """Count what changed; return 0 where there is more to count at once, else None."""
        if not await self.store.has_work():
            return None
        turn = await self.store.take_turn()
        if turn is None:
            return None
        try:
            more = await self._count(turn)
            await self.store.fold()
        except FenceLost:
            log.warning("tallies.turn_lost")
            return None
        await self.store.end_turn(turn)
        return AT_ONCE if more and not self.stopping() else None

    async def rebuilt(self) -> None:
        """Count until no rebuild is under way, in turns with whatever else counts."""
        while (await self.store.rebuilding()) and not self.stopping():
            if await self.run() is None:
                await asyncio.sleep(PAUSE)  # another process has the turn, or this was the last one

    async def _count(self, turn: Turn) -> bool:
        """Count the hours that changed, then some of a rebuild; return whether there is more."""
        changed = await self.store.changed(turn)
        for hour in changed.hours:
            if self.stopping():
                return True
            await self.store.recount(turn, hour)
        await self.store.advance(turn, changed)
        return await self._rebuild(turn) or changed.more

    async def _rebuild(self, turn: Turn) -> bool:
        """Go on with a rebuild; return whether it has more hours."""
        following = turn.rebuild_next
        for _ in range(HOURS_OF_A_REBUILD):
            if following is None or self.stopping():
                break
            following = await self.store.rebuild(turn, following)
        return following is not None
