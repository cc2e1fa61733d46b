"""The permits of one account: requests wait for them in order, and share the queries that give them.

`rate_windows_store` counts them for all replicas.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from itertools import takewhile
from typing import TYPE_CHECKING

import structlog

from app.clock import utc_now
from app.database.engine import STORE_TROUBLE, first_line
from app.errors import HeldError, SegueError
from app.hubspot import rate_limit_statements as sql
from app.hubspot.permits import PERMIT_LIFE_SECONDS, PermitBlock, StoredPermit
from app.hubspot.rate_windows_store import RateWindows
from app.hubspot.windows import DAILY, GENERAL, SEARCH, SECONDLY, start_limits
from app.sending_windows import next_midnight, zone

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import TextClause

    from app.database.direct import DirectConnection, DirectPool
    from app.model import Account

UNKNOWN_DAY_SECONDS = 3600.0
PERMITS_AT_ONCE = 10  # a busy process cannot send more before they expire

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
        self._account = account
        self._window_ms = window_ms
        self._windows = RateWindows(pool, account=account, cap=cap, headroom=headroom, window_ms=window_ms, ahead=ahead)
        self._timezone_in_rules: str | None = None
        self._timezone_in_hubspot: str | None = None
        self._adopted: tuple[int, int] | None = None
        self._waiting: dict[str, deque[asyncio.Future[StoredPermit]]] = {}
        self._again: set[asyncio.Future[StoredPermit]] = set()
        self._serving: dict[str, asyncio.Task[None]] = {}
        self._blocks: dict[str, list[PermitBlock]] = {}
        self._writes: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()

    def configure(self, account: Account) -> None:
        """Take the operator's caps, which may change at run time."""
        self._windows.cap, self._windows.day.daily = account.per_10s, account.daily
        self._timezone_in_rules = account.timezone
        self._windows.day.timezone = self.timezone

    @property
    def timezone(self) -> str | None:
        """The time zone in which the account's day ends: from the rules, else from HubSpot, else None."""
        return self._timezone_in_rules or self._timezone_in_hubspot

    def adopt_timezone(self, timezone: str) -> bool:
        """Take the account's time zone that HubSpot reports; return whether a zone is known now."""
        with suppress(ValueError):
            self._timezone_in_hubspot = zone(timezone).key
            self._windows.day.timezone = self.timezone
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
        if self._waiting.get(GENERAL) or self._windows.day.daily is not None:
            return _give_none
        finished = [block for block in self._blocks.get(GENERAL, []) if block.finished()]
        try:
            block = await self._windows.give_ahead(connection, wanted, finished)
        except HeldError:
            return _give_none

        def committed() -> None:
            left = [one for one in self._blocks.get(GENERAL, []) if one not in finished]
            self._blocks[GENERAL] = [*([block] if block else []), *left]

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
        seconds = retry_after or start_limits(kind, self._window_ms).window_ms / 1000
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
        block, wait = await self._windows.acquire(kind, min(len(waiting), PERMITS_AT_ONCE), finished)
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


def _give_none() -> None:
    """Stand for permits that were not given."""


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
