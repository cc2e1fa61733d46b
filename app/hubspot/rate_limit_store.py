"""The rolling window of requests to HubSpot, exact, in PostgreSQL, shared by all replicas.

HubSpot counts arrivals in any 10 seconds. A permit counts from the moment it is given until its request can no longer
be within the window: the window's length, the wait before the permit was used (half a second at most), and a margin for
requests that travel at different speeds. The wait is written afterwards, with the next query for permits. A permit that
is not used within half a second is void and then does not count.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from contextlib import suppress
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

import structlog

from app.clock import elapsed_seconds, utc_now
from app.database.engine import STORE_TROUBLE, first_line
from app.errors import BudgetSpent, HeldError, SegueError
from app.hubspot import rate_limit_statements as sql
from app.hubspot.permits import PERMIT_LIFE_SECONDS, PermitBlock, StoredPermit
from app.sending_windows import next_midnight, zone

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import TextClause

    from app.database.direct import DirectConnection, DirectPool
    from app.model import Account

    Unused = Counter[datetime | None]  # by the end of the day that they were counted against

TRAVEL_SECONDS = 0.2  # one request may travel longer than another by this much
DAILY = "RATE_LIMIT_DAILY"
SECONDLY = "RATE_LIMIT_SECONDLY"
UNKNOWN_DAY_SECONDS = 3600.0
LONGEST_WAIT_SECONDS = 60.0  # in memory: a request that has to wait longer gives up its place
START_MAXIMUM = 100  # per window: the least any HubSpot plan allows; raised when HubSpot's headers say so
# Searches have a window of their own, 5 a second for the account (HubSpot's search guide). HubSpot does not say that
# they are exempt from the general one, so they count there too.
GENERAL, SEARCH = "general", "search"
SEARCHES, SEARCH_WINDOW_MS = 5, 1000
PERMITS_AT_ONCE = 10  # a busy process cannot send more before they expire
PATIENCE_SECONDS = 0.05  # that a request waits for a permit so that others get theirs by the same query

log = structlog.get_logger(__name__)


class StoredRateLimit:
    """The limits on one account's requests. One instance per process; waiting requests are served in order.

    `cap` (requests per window) is the operator's limit, which may be below HubSpot's; `headroom` is the share of the
    window left unused; `window_ms` is the window's length in milliseconds until HubSpot reports another. `daily` caps
    the requests of a day, which ends at midnight in `timezone`; where that is not known, requests resume an hour after
    HubSpot has called the day spent. `ahead` is how many permits more than are waited for are taken while the window is
    half empty: one enrollment makes several requests, each soon after the one before.
    """

    def __init__(
        self,
        pool: DirectPool,
        *,
        account: str,
        cap: int | None = None,
        headroom: float = 0.05,
        window_ms: int = 10_000,
        ahead: int = 0,
    ) -> None:
        self._pool = pool
        self._ahead = ahead
        self._account = account
        self.cap = cap
        self._headroom = headroom
        self._window_ms = window_ms
        self.daily: int | None = None
        self._timezone_in_rules: str | None = None
        self._timezone_in_hubspot: str | None = None
        self._adopted: tuple[int, int] | None = None
        self._waiting: dict[str, deque[asyncio.Future[StoredPermit]]] = {}
        self._again: set[asyncio.Future[StoredPermit]] = set()
        self._serving: dict[str, asyncio.Task[None]] = {}
        self._blocks: dict[str, list[PermitBlock]] = {}
        self._unused: Unused = Counter()
        self._writes: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()

    def configure(self, account: Account) -> None:
        """Take the operator's caps, which may change at run time."""
        self.cap, self.daily, self._timezone_in_rules = account.per_10s, account.daily, account.timezone

    @property
    def timezone(self) -> str | None:
        """The time zone in which the account's day ends: from the rules, else from HubSpot, else None."""
        return self._timezone_in_rules or self._timezone_in_hubspot

    def adopt_timezone(self, timezone: str) -> bool:
        """Take the account's time zone that HubSpot reports; return whether a zone is known now."""
        with suppress(ValueError):
            self._timezone_in_hubspot = zone(timezone).key
        return self._timezone_in_hubspot is not None

    async def acquire(self, kind: str = GENERAL, *, again: bool = False) -> StoredPermit:
        """Return when a request of `kind` may be sent. Raises HeldError and what the database driver raises.

        `again`: an earlier permit of this request expired before the request could leave. It goes first, because what
        the caller has committed for it expires.
        """
        waiting = self._waiting.setdefault(kind, deque())
        block = next((one for one in self._blocks.get(kind, ()) if one.fresh()), None) if not waiting else None
        if block is not None:
            return block.take()
        future: asyncio.Future[StoredPermit] = asyncio.get_running_loop().create_future()
        if again:
            # Behind those that came again before: the oldest commit expires first.
            waiting.insert(sum(1 for _ in takewhile(self._again.__contains__, waiting)), future)
            self._again.add(future)
            future.add_done_callback(self._again.discard)
        else:
            waiting.append(future)
        serving = self._serving.get(kind)
        if serving is None or serving.done():
            self._serving[kind] = asyncio.create_task(self._serve(kind), name=f"rate-limit-{kind}")
        return await future

    async def give_ahead(self, connection: DirectConnection, wanted: int) -> Callable[[], None]:
        """Give permits in the caller's transaction, for requests that follow at once; a query of their own is saved.

        The caller calls the result once its transaction is committed: then the permits can be acquired. None are given
        where requests wait already, where the day has a cap, or while HubSpot has paused the account for long: the
        first request that asks for a permit learns that.
        """
        if self._waiting.get(GENERAL) or self.daily is not None:
            return _give_none
        since, blocks = elapsed_seconds(), self._blocks.get(GENERAL, [])
        finished = [block for block in blocks if block.finished()]
        try:
            given = await self._give(connection, GENERAL, wanted, finished, give=True)
        except HeldError:
            return _give_none

        def committed() -> None:
            left = [block for block in self._blocks.get(GENERAL, []) if block not in finished]
            made = [PermitBlock({GENERAL: given.id}, since, given.permits)] if given.id is not None else []
            self._blocks[GENERAL] = [*made, *left]

        return committed

    def adopt_limit(self, maximum: int, interval_ms: int) -> None:
        """Take the limit that HubSpot reports (its X-HubSpot-RateLimit headers), for all replicas."""
        if (maximum, interval_ms) == self._adopted or maximum <= 0 or interval_ms <= 0:
            return
        self._adopted = (maximum, interval_ms)
        self._write_soon(sql.ADOPT_LIMIT, maximum=maximum, window_ms=interval_ms)

    def throttled(self, code: str, retry_after: float | None) -> None:
        """Pause all replicas after a 429, for one window or as long as HubSpot says; after a spent day, until it ends.

        HubSpot uses the "secondly" limit for searches only, so only searches are paused by it.
        """
        kind = SEARCH if code == SECONDLY else GENERAL
        seconds = retry_after or self._start(kind)["window_ms"] / 1000
        if code == DAILY:
            seconds = max(retry_after or 0.0, self._rest_of_day())
        log.warning("hubspot.throttled", account=self._account, code=code, pause_seconds=seconds)
        self._write_soon(sql.BLOCK, kind=kind, code=code, seconds=seconds)

    async def close(self) -> None:
        """Stop serving; requests that still wait are cancelled."""
        self._closing.set()
        for future in (future for queue in self._waiting.values() for future in queue):
            future.cancel()
        await asyncio.gather(*self._serving.values(), *self._writes, return_exceptions=True)

    def _rest_of_day(self) -> float:
        """Return the seconds until a spent day ends; an hour where the end is not known."""
        if self.timezone is None:
            return UNKNOWN_DAY_SECONDS
        now = utc_now()
        return (next_midnight(zone(self.timezone), now) - now).total_seconds()

    def _write_soon(self, statement: TextClause, **values: object) -> None:
        task = asyncio.create_task(self._write(statement, values))
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)

    async def _write(self, statement: TextClause, values: dict[str, object]) -> None:
        try:
            await self._pool.fetch(statement, {"kind": GENERAL, **values, "account": self._account})
        except STORE_TROUBLE as error:
            self._adopted = None
            log.warning("pace.not_noted", account=self._account, error=first_line(error))

    async def _serve(self, kind: str) -> None:
        waiting = self._waiting[kind]
        while waiting:
            try:
                wait = await self._serve_some(kind, waiting)
            except (SegueError, *STORE_TROUBLE) as error:
                _fail_all(waiting, error)
                return
            if wait > 0:
                await _wait_at_most(wait, self._closing)

    async def _serve_some(self, kind: str, waiting: deque[asyncio.Future[StoredPermit]]) -> float:
        """Serve the first waiting requests as the window allows; return the seconds to wait before the next query."""
        _drop_cancelled(waiting)
        if not waiting:
            return 0.0
        blocks = self._blocks.setdefault(kind, [])
        finished = [block for block in blocks if block.finished()]
        block, wait = await self._acquire_block(kind, min(len(waiting), PERMITS_AT_ONCE), finished)
        # A search that finds its own window full did not reach the general one: the use is not yet recorded there.
        recorded = finished if block is not None or kind == GENERAL else []
        self._blocks[kind] = [one for one in (*self._blocks[kind], block) if one and one not in recorded]
        if block is None:
            # The last permits may be used soon after they were given: then the window has room earlier than computed.
            return min(wait, PERMIT_LIFE_SECONDS) if self._blocks[kind] else wait
        _drop_cancelled(waiting)  # again: callers may have given up during the query
        while block.taken < block.count and waiting:
            waiting.popleft().set_result(block.take())
            _drop_cancelled(waiting)
        return 0.0

    async def _acquire_block(
        self, kind: str, wanted: int, finished: list[PermitBlock]
    ) -> tuple[PermitBlock | None, float]:
        """Acquire permits in one transaction. The next one that counts against the day gives unused ones back to it."""
        since = elapsed_seconds()
        unused: Unused = Counter()
        for one in finished:
            unused[one.day] += one.count - one.used
        carried, self._unused = self._unused, Counter()
        block: PermitBlock | None = None
        try:
            async with self._pool.transaction() as connection:
                block, wait = await self._count(connection, kind, wanted, finished, since, carried + unused)
        finally:
            self._unused += Counter() if block else carried
        if block is None and kind == GENERAL:
            self._unused += unused  # their use is recorded now, and not read again
        return block, wait

    async def _count(
        self,
        connection: DirectConnection,
        kind: str,
        wanted: int,
        finished: list[PermitBlock],
        since: float,
        unused: Unused,
    ) -> tuple[PermitBlock | None, float]:
        """Count up to `wanted` requests in every window; return their permits, or None and the seconds to wait."""
        if kind == GENERAL and (self.daily is None or self.timezone is None):
            given = await self._give(connection, kind, wanted, finished, give=True)
            if given.id is None:
                return None, given.wait
            return PermitBlock({kind: given.id}, since, given.permits), 0.0
        return await self._count_apart(connection, kind, wanted, finished, since, unused)

    async def _count_apart(
        self,
        connection: DirectConnection,
        kind: str,
        wanted: int,
        finished: list[PermitBlock],
        since: float,
        unused: Unused,
    ) -> tuple[PermitBlock | None, float]:
        """Count requests that several windows, or the day, may limit: look at all of them, then count in each."""
        granted = wanted
        for each in _windows(kind):
            given = await self._give(connection, each, granted, finished, give=False)
            if given.places <= 0:
                return None, given.wait
            granted = min(granted, given.places)
        granted, day = await self._spend_day(connection, granted, unused)
        ids = {each: await self._insert(connection, each, granted) for each in _windows(kind)}
        return PermitBlock(ids, since, granted, day), 0.0

    def _start(self, kind: str) -> dict[str, int]:
        """Return the window of a kind of requests, until HubSpot reports another."""
        if kind == SEARCH:
            return {"maximum": SEARCHES, "window_ms": SEARCH_WINDOW_MS}
        return {"maximum": START_MAXIMUM, "window_ms": self._window_ms}

    async def _give(
        self, connection: DirectConnection, kind: str, wanted: int, finished: list[PermitBlock], *, give: bool
    ) -> _Given:
        """Lock a window, and give permits of it or (not `give`) count its places. Raises HeldError."""
        key = {"account": self._account, "kind": kind}
        (window,) = await connection.fetch(sql.LOCK_WINDOW, key | self._start(kind))
        pause = 0.0
        if window["blocked_until"] is not None and window["blocked_until"] > window["now"]:
            pause = blocked(window["blocked_by"], window["blocked_until"], window["now"])
        allowed = allowance(window["maximum"], self.cap if kind == GENERAL else None, self._headroom)
        values = {
            "ids": [block.ids[kind] for block in finished],
            "counts": [block.used for block in finished],
            "waits": [block.waited + TRAVEL_SECONDS for block in finished],
            "window": window["window_ms"] / 1000,
            "allowed": allowed,
            "wanted": min(wanted, allowed),
            "ahead": self._ahead,
            "give": give and not pause,
            "patience": PATIENCE_SECONDS,
            "waited": PERMIT_LIFE_SECONDS + TRAVEL_SECONDS,
        }
        (row,) = await connection.fetch(sql.GIVE_PERMITS, key | values)
        if pause:
            return _Given(0, pause)
        first, enough = float(row["first_in"] or 0.0), float(row["enough_in"] or 0.0)
        wait = min(enough, first + PATIENCE_SECONDS) if row["enough_in"] is not None else first
        return _Given(row["places"], max(wait, 0.005), row["id"], row["count"] or 0)

    async def _insert(self, connection: DirectConnection, kind: str, count: int) -> int:
        values = {"kind": kind, "count": count, "waited": PERMIT_LIFE_SECONDS + TRAVEL_SECONDS}
        (row,) = await connection.fetch(sql.INSERT_PERMITS, values | {"account": self._account})
        id_: int = row["id"]
        return id_

    async def _spend_day(
        self, connection: DirectConnection, wanted: int, unused: Unused
    ) -> tuple[int, datetime | None]:
        """Count requests against the operator's daily cap; return how many it admits, and when the day ends.

        `unused` were counted earlier, by day, and never sent. Raises BudgetSpent when the cap admits none.
        """
        if self.daily is None or self.timezone is None:
            return wanted, None
        (clock,) = await connection.fetch(sql.CLOCK, {})
        key = {"account": self._account, "ends_at": next_midnight(zone(self.timezone), clock["now"])}
        (day,) = await connection.fetch(sql.COUNT_DAY, key)
        given_back = min(unused[day["ends_at"]], day["used"])
        granted: int = min(wanted, self.daily - day["used"] + given_back)
        if granted <= 0:
            raise BudgetSpent("daily_budget", day["ends_at"])
        await connection.fetch(sql.SPEND_DAY, {"account": self._account, "count": granted - given_back})
        return granted, day["ends_at"]


class _Given(NamedTuple):
    """The answer of a window: its places, the seconds until more are free, and the permits that it gave, if any."""

    places: int
    wait: float
    id: int | None = None
    permits: int = 0


def _give_none() -> None:
    """Stand for permits that were not given."""


def _windows(kind: str) -> list[str]:
    """Return the windows that a request counts for, the rarer one first: one order of locks excludes deadlocks."""
    return [kind] if kind == GENERAL else [kind, GENERAL]


def allowance(maximum: int, cap: int | None, headroom: float) -> int:
    """Return how many requests the window admits: HubSpot's limit or a lower cap, less the headroom; 1 at least."""
    return max(1, int(min(maximum, cap or maximum) * (1 - headroom)))


def blocked(code: str | None, until: datetime, now: datetime) -> float:
    """Return the seconds to wait after a 429. Raises HeldError where that is too long for a wait in memory."""
    if code == DAILY:
        raise BudgetSpent("daily_budget", until)
    seconds = (until - now).total_seconds()
    if seconds > LONGEST_WAIT_SECONDS:
        reason = code or "RATE_LIMIT"
        raise HeldError(reason, until, f"HubSpot asks for a pause until {until:%Y-%m-%d %H:%M} UTC ({reason})")
    return max(seconds, 0.005)


async def _wait_at_most(seconds: float, ended: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await ended.wait()


def _drop_cancelled(waiting: deque[asyncio.Future[StoredPermit]]) -> None:
    while waiting and waiting[0].done():
        waiting.popleft()


def _fail_all(waiting: deque[asyncio.Future[StoredPermit]], error: Exception) -> None:
    while waiting:
        future = waiting.popleft()
        if not future.done():
            future.set_exception(error)
