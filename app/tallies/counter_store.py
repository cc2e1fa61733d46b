"""The counters of this process, written into the database from time to time: the present total of each, never a sum.

No delivery waits for it. A process that is killed loses what it counted since the last time; its next run has totals of
its own.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import orjson
import structlog

from app.database.engine import STORE_TROUBLE, first_line
from app.tallies.statements import WRITE_COUNTERS

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.observability.hourly import HourlyCounts

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CounterStore:
    """Writes the counters of the process `run`: a name that no other process has, whenever it runs."""

    engine: AsyncEngine
    counts: HourlyCounts
    run: str

    async def write(self) -> None:
        """Write the totals that have grown since the last time."""
        totals = self.counts.unwritten()
        if not totals:
            self.counts.forget()
            return
        values = {"run": self.run, "counts": orjson.dumps([asdict(one) for one in totals]).decode()}
        async with self.engine.begin() as connection:
            await connection.execute(WRITE_COUNTERS, values)
        self.counts.written(totals)

    async def write_last(self) -> None:
        """Write the totals as the process ends, which is not held up by a store that is away."""
        try:
            await self.write()
        except STORE_TROUBLE as error:
            log.warning("counters.lost", error=first_line(error), follows="what was counted last is in no tally")
