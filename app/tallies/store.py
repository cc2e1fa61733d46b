"""The count of hours in the database: whose turn it is, which hours changed, and their cells."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from app.audit.store import note
from app.errors import FenceLost
from app.tallies import statements as sql
from app.tallies.hours import HOUR, first_id, hour_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Row, TextClause
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

LEASE_SECONDS = 120.0  # renewed with every hour that is counted, none of which takes as long
BEHIND = timedelta(seconds=60)
PATIENCE = timedelta(minutes=15)
CLOCKS_DIFFER = timedelta(minutes=15)  # those of replicas, which make the ids; a signature may not be as old
LINES_AT_ONCE = 20_000
MOST_CELLS = 5000


@dataclass(frozen=True, slots=True)
class Turn:
    """A replica's right to count; `number` is its fence.

    The journal is counted up to the line `cursor`, decisions up to `decided_until`. A rebuild stands at `rebuild_next`,
    None where none is under way. What was written before `horizon` is seen by now.
    """

    number: int
    cursor: int
    decided_until: datetime
    rebuild_next: datetime | None
    horizon: datetime


@dataclass(frozen=True, slots=True)
class Changed:
    """The hours that changed since the turn before, and the line of the journal up to which they were found.

    `more` says that the journal has a further page.
    """

    hours: tuple[datetime, ...]
    cursor: int
    more: bool


@dataclass(frozen=True, slots=True)
class TallyStore:
    """The count, by the process `worker`. `history` is how long final rows are kept, None for ever.

    `lines` are read of the journal at once. A line is counted once it is older than `behind`.
    """

    engine: AsyncEngine
    worker: str
    _: KW_ONLY
    history: timedelta | None = None
    behind: timedelta = BEHIND
    lines: int = LINES_AT_ONCE
    most_cells: int = MOST_CELLS

    async def has_work(self) -> bool:
        """Tell whether anything may have changed since the last turn, or a rebuild is under way."""
        rows = await self._run(sql.NEXT_WORK, clocks_differ=CLOCKS_DIFFER)
        return not rows or bool(rows[0].work)

    async def take_turn(self) -> Turn | None:
        """Take the turn, None where another replica has it."""
        rows = await self._run(sql.TAKE_TURN, worker=self.worker, lease=LEASE_SECONDS)
        if not rows:
            return None
        (clock,) = await self._run(sql.HORIZON, behind=self.behind, patience=max(PATIENCE, self.behind))
        row = rows[0] if rows[0].cursor is not None else await self._begin(rows[0].turn, clock)
        return Turn(row.turn, row.cursor, row.decided_until, row.rebuild_next, clock.horizon)

    async def _begin(self, turn: int, clock: Row[Any]) -> Row[Any]:
        """Note where counting begins. Hours of which rows may have been deleted before are never counted."""
        frozen = None if self.history is None else clock.now - self.history
        rows = await self._run(sql.BEGIN, turn=turn, horizon=clock.horizon, frozen_before=frozen)
        if not rows:
            raise FenceLost("tallies")
        return rows[0]

    async def end_turn(self, turn: Turn) -> None:
        """Release the turn."""
        await self._run(sql.END_TURN, turn=turn.number)

    async def changed(self, turn: Turn) -> Changed:
        """Return the hours of which anything was written since the turn before."""
        since = first_id(turn.decided_until - CLOCKS_DIFFER).removeprefix("evt_")
        values = {"cursor": turn.cursor, "most": self.lines, "horizon": turn.horizon}
        (page,) = await self._run(sql.FIND_JOURNALLED, **values)
        decided = await self._run(sql.FIND_DECIDED, since=since, decided_since=turn.decided_until)
        hours = {hour_of(hour) for hour in [*page.hours, *(row.hour for row in decided)] if hour is not None}
        return Changed(tuple(sorted(hours)), page.cursor, page.lines == self.lines)

    async def recount(self, turn: Turn, hour: datetime) -> int:
        """Count one hour from its rows; return how many of its cells changed. Raises FenceLost."""
        async with self.engine.begin() as connection:
            return await self._recount(connection, turn, hour)

    async def advance(self, turn: Turn, changed: Changed) -> None:
        """Note up to where all is counted. Raises FenceLost."""
        values = {"turn": turn.number, "cursor": changed.cursor, "decided_until": turn.horizon}
        if not await self._run(sql.ADVANCE, **values):
            raise FenceLost("tallies")

    async def rebuild(self, turn: Turn, since: datetime) -> datetime | None:
        """Count the first hour from `since` on that has anything; return the hour after it, None where there is none.

        The rebuild stands there afterwards. Raises FenceLost.
        """
        async with self.engine.begin() as connection:
            values = {"since": since, "first": first_id(since)}
            hour = (await connection.execute(sql.NEXT_HOUR, values)).scalar_one()
            following = None if hour is None else hour_of(hour) + HOUR
            if hour is not None:
                await self._recount(connection, turn, hour_of(hour))
            values = {"turn": turn.number, "was": since, "next": following}
            await connection.execute(sql.REBUILT, values)
        return following

    async def ask_rebuild(self, since: datetime) -> datetime | None:
        """Ask for all hours from `since` on to be counted anew; return before which hours that is not possible."""
        async with self.engine.begin() as connection:
            row = (await connection.execute(sql.ASK_REBUILD, {"since": hour_of(since)})).one()
            await note(connection, after={"from": row.rebuild_next.isoformat()})
        kept_since: datetime | None = row.frozen_before
        return kept_since

    async def rebuilding(self) -> bool:
        """Tell whether a rebuild is under way."""
        rows = await self._run(sql.READ_REBUILD)
        return bool(rows) and rows[0].rebuild_next is not None

    async def fold(self) -> None:
        """Sum up the counters of runs that have ended."""
        await self._run(sql.FOLD)

    async def _recount(self, connection: AsyncConnection, turn: Turn, hour: datetime) -> int:
        lock = {"turn": turn.number, "lease": LEASE_SECONDS, "hour": hour}
        locked = (await connection.execute(sql.LOCK, lock)).one_or_none()
        if locked is None:
            raise FenceLost("tallies")
        if locked.frozen:
            return 0
        values = {"hour": hour, "first": first_id(hour), "beyond": first_id(hour + HOUR), "most": self.most_cells}
        return int((await connection.execute(sql.RECOUNT, values)).scalar_one())

    async def _run(self, statement: TextClause, **values: Any) -> Sequence[Row[Any]]:
        async with self.engine.begin() as connection:
            result = await connection.execute(statement, values)
            return result.all() if result.returns_rows else []
