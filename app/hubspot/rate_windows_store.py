"""One account's rolling windows of requests to HubSpot, exact, in PostgreSQL, shared by all replicas.

HubSpot counts arrivals in any 10 seconds. A permit counts from the moment it is given until its request can no longer
be within the window: the window's length, the wait before the permit was used (half a second at most), and a margin for
requests that travel at different speeds. The wait is written afterwards, with the next query for permits. A permit that
is not used within half a second is void and then does not count.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from app.clock import elapsed_seconds
from app.hubspot import rate_limit_statements as sql
from app.hubspot.permits import PERMIT_LIFE_SECONDS, PermitBlock
from app.hubspot.rate_day_store import RateDay, unused_of
from app.hubspot.windows import (
    GENERAL,
    PATIENCE_SECONDS,
    Limits,
    allowance,
    blocked,
    next_query_in,
    start_limits,
    windows_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.database.direct import DirectConnection, DirectPool
    from app.hubspot.rate_day_store import Unused

TRAVEL_SECONDS = 0.2  # one request may travel longer than another by this much
LONGEST_WAITED_SECONDS = PERMIT_LIFE_SECONDS + TRAVEL_SECONDS


class Wanted(NamedTuple):
    """Up to `most` permits for requests of a kind. `finished` are earlier ones, whose use is noted.

    `since` is `elapsed_seconds` from before the query: permits never look younger than they are.
    """

    kind: str
    most: int
    finished: tuple[PermitBlock, ...]
    since: float


class Given(NamedTuple):
    """The answer of a window: its places, the seconds until more are free, and the permits that it gave, if any."""

    places: int
    wait: float
    id: int | None = None
    permits: int = 0

    def block(self, wanted: Wanted) -> PermitBlock | None:
        """Return the permits, None where there are none."""
        return None if self.id is None else PermitBlock({wanted.kind: self.id}, wanted.since, self.permits)


class RateWindows:
    """Counts the requests of one account in its windows and its day. `StoredRateLimit` explains the arguments."""

    def __init__(
        self, pool: DirectPool, *, account: str, cap: int | None, headroom: float, window_ms: int, ahead: int
    ) -> None:
        self._pool = pool
        self._account = account
        self.cap = cap
        self.day = RateDay(account)
        self._headroom = headroom
        self._window_ms = window_ms
        self._ahead = ahead
        self._known: dict[str, Limits] = {}  # of each window when it was last locked

    async def acquire(self, kind: str, count: int, finished: list[PermitBlock]) -> tuple[PermitBlock | None, float]:
        """Return permits for up to `count` requests, or None and the seconds until the next query.

        The next ones that count against the day give unused ones back to it. Raises HeldError.
        """
        unused, day = unused_of(finished), self.day
        carried, day.unused = day.unused, Counter()
        wanted = Wanted(kind, count, tuple(finished), elapsed_seconds())
        block: PermitBlock | None = None
        try:
            block, wait = await self._acquire(wanted, carried + unused)
        finally:
            day.unused += Counter() if block else carried
        if block is None and kind == GENERAL:
            day.unused += unused  # their use is recorded now, and not read again
        return block, wait

    async def give_ahead(
        self, connection: DirectConnection, count: int, finished: list[PermitBlock]
    ) -> PermitBlock | None:
        """Return permits of the general window, given in the caller's transaction. Raises HeldError."""
        wanted = Wanted(GENERAL, count, tuple(finished), elapsed_seconds())
        given = await self._give_at_once(connection, wanted) or await self._give(connection, wanted, give=True)
        return given.block(wanted)

    async def _acquire(self, wanted: Wanted, unused: Unused) -> tuple[PermitBlock | None, float]:
        in_one_window = wanted.kind == GENERAL and not self.day.counts
        if in_one_window and (given := await self._give_at_once(self._pool, wanted)):
            return given.block(wanted), given.wait
        count = self._count if in_one_window else self._count_apart
        async with self._pool.transaction() as connection:
            return await count(connection, wanted, unused)

    async def _count(self, connection: DirectConnection, wanted: Wanted, _: Unused) -> tuple[PermitBlock | None, float]:
        """Count requests that one window limits."""
        given = await self._give(connection, wanted, give=True)
        return given.block(wanted), given.wait

    async def _count_apart(
        self, connection: DirectConnection, wanted: Wanted, unused: Unused
    ) -> tuple[PermitBlock | None, float]:
        """Count requests that several windows, or the day, may limit: look at all of them, then count in each."""
        granted, kinds = wanted.most, windows_of(wanted.kind)
        for kind in kinds:
            given = await self._give(connection, wanted._replace(kind=kind, most=granted), give=False)
            if given.places <= 0:
                return None, given.wait
            granted = min(granted, given.places)
        granted, day = await self.day.spend(connection, granted, unused)
        ids = {kind: await self._insert(connection, kind, granted) for kind in kinds}
        return PermitBlock(ids, wanted.since, granted, day), 0.0

    async def _give_at_once(self, connection: DirectConnection | DirectPool, wanted: Wanted) -> Given | None:
        """Give permits by one statement; None where the window must be locked first."""
        known = self._known.get(wanted.kind)
        return None if known is None else await self._execute(connection, wanted, known, give=True)

    async def _give(self, connection: DirectConnection, wanted: Wanted, *, give: bool) -> Given:
        """Lock a window, and give permits of it or (not `give`) count its places. Raises HeldError."""
        start = start_limits(wanted.kind, self._window_ms)
        key = {"account": self._account, "kind": wanted.kind}
        (window,) = await connection.fetch(sql.LOCK_WINDOW, key | start._asdict())
        limits = self._known[wanted.kind] = Limits(window["maximum"], window["window_ms"])
        pause = 0.0
        if window["blocked_until"] is not None and window["blocked_until"] > window["now"]:
            pause = blocked(window["blocked_by"], window["blocked_until"], window["now"])
        given = await self._execute(connection, wanted, limits, give=give and not pause)
        if given is None:
            raise AssertionError("a window that is locked stays as it is")
        return Given(0, pause) if pause else given

    async def _execute(
        self, connection: DirectConnection | DirectPool, wanted: Wanted, limits: Limits, *, give: bool
    ) -> Given | None:
        rows = await connection.fetch(sql.GIVE_PERMITS, self._values(wanted, limits, give=give))
        if not rows:
            return None
        (row,) = rows
        enough_in = None if row["enough_in"] is None else float(row["enough_in"])
        wait = next_query_in(float(row["first_in"] or 0.0), enough_in)
        return Given(row["places"], wait, row["id"], row["count"] or 0)

    def _values(self, wanted: Wanted, limits: Limits, *, give: bool) -> Mapping[str, object]:
        allowed = allowance(limits.maximum, self.cap if wanted.kind == GENERAL else None, self._headroom)
        return {
            **limits._asdict(),
            "account": self._account,
            "kind": wanted.kind,
            "ids": [block.ids[wanted.kind] for block in wanted.finished],
            "counts": [block.used for block in wanted.finished],
            "waits": [block.waited + TRAVEL_SECONDS for block in wanted.finished],
            "allowed": allowed,
            "wanted": min(wanted.most, allowed),
            "ahead": self._ahead,
            "give": give,
            "patience": PATIENCE_SECONDS,
            "waited": LONGEST_WAITED_SECONDS,
        }

    async def _insert(self, connection: DirectConnection, kind: str, count: int) -> int:
        values = {"account": self._account, "kind": kind, "count": count, "waited": LONGEST_WAITED_SECONDS}
        (row,) = await connection.fetch(sql.INSERT_PERMITS, values)
        id_: int = row["id"]
        return id_
