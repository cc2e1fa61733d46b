"""Tallies over a real PostgreSQL: events that are accepted as the service accepts them, counted at once."""

from __future__ import annotations

from collections import Counter
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from app.errors import FenceLost
from app.ids import Ids
from app.tallies.hours import hour_of
from app.tallies.recount import Recount
from app.tallies.store import TallyStore
from tests.support.decided_again import Desk

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

CELLS = """
    SELECT hour, stage, source, rule, account, sequence, sender, reason, known, n FROM tallies
    ORDER BY hour, stage, source, rule, account, sequence, sender, reason, known
"""
NOW = hour_of(datetime.now(UTC))


def store(engine: AsyncEngine, worker: str = "one", **changes: Any) -> TallyStore:
    """Return a count that waits for no line to grow old."""
    return TallyStore(engine, worker, **({"behind": timedelta()} | changes))


class OldEvents(Ids):
    """Ids of events and enrollments are of the moment that `clock` has, all others of now."""

    def __init__(self, clock: list[datetime]) -> None:
        super().__init__()
        self._clock_of_events = clock

    def __call__(self, prefix: str) -> str:
        """Return a new id with this prefix."""
        if prefix not in {"evt", "enr"}:
            return super().__call__(prefix)
        return Ids(clock=lambda: int(self._clock_of_events[0].timestamp() * 1000))(prefix)


@dataclass
class Counting:
    """Events of any hour, and their count."""

    engine: AsyncEngine
    _: KW_ONLY
    clock: list[datetime] = field(default_factory=lambda: [NOW])

    def __post_init__(self) -> None:
        self.desk = Desk(self.engine, new_id=OldEvents(self.clock))

    def at(self, moment: datetime) -> Desk:
        """Return the desk, whose events come at this moment from now on."""
        self.clock[:] = [moment]
        return self.desk

    async def count(self, **changes: Any) -> None:
        """Count until nothing is left to do."""
        recount = Recount(store(self.engine, **changes))
        while await recount.run() is not None:
            pass

    async def cells(self) -> list[tuple[Any, ...]]:
        return await self.desk.run(CELLS)

    async def stages(self, hour: datetime | None = None) -> Counter[str]:
        """Return how many stand at each stage, with the reason behind a slash."""
        counted: Counter[str] = Counter()
        for row in await self.cells():
            if hour is None or row[0] == hour:
                shown = row[1] if row[1] == "verified" or not row[7] else f"{row[1]}/{row[7]}"
                counted[shown] += row[9]
        return counted

    async def rebuilt(self, **changes: Any) -> list[tuple[Any, ...]]:
        """Return the cells that are made of the rows alone."""
        await self.desk.run("DELETE FROM tallies")
        await store(self.engine, **changes).ask_rebuild(datetime(1970, 1, 1, tzinfo=UTC))
        await self.count(**changes)
        return await self.cells()

    async def lease_over(self) -> None:
        """Let the lease of whatever stopped in its turn run out."""
        await self.desk.run("UPDATE tally_state SET leased_until = now() - interval '1 second'")


@pytest.fixture
def counting(engine: AsyncEngine) -> Counting:
    return Counting(engine)


class Stopped(Exception):
    """A process stopped between two steps."""


class Stopping(TallyStore):
    """A count whose process stops after so many steps."""

    steps = 0

    def _step(self) -> None:
        cls = type(self)
        if cls.steps <= 0:
            raise Stopped
        cls.steps -= 1

    async def _run(self, statement: Any, **values: Any) -> Any:
        self._step()
        return await super()._run(statement, **values)

    async def _recount(self, connection: Any, turn: Any, hour: datetime) -> int:
        self._step()
        changed = await super()._recount(connection, turn, hour)
        self._step()  # before the commit
        return changed


__all__ = ["CELLS", "NOW", "Counting", "FenceLost", "Stopped", "Stopping", "store"]
