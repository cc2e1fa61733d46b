"""The rolling window of requests to HubSpot, exact, in PostgreSQL, shared by all replicas.

HubSpot counts arrivals in any 10 seconds. A grant counts from the moment it was given until its request can no longer
be within the window: window length, what it waited before it was used (half a second at most), and a margin for
requests that travel at different speeds. How long that wait was is told afterwards, with the next ask; a grant that was
not used within half a second is void, and then it does not count at all.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.clock import elapsed_seconds, utc_now
from app.database.engine import first_line
from app.errors import BudgetSpent, HeldError, SegueError
from app.hubspot.rate_limit_statements import (
    BELIEVE,
    BLOCK,
    CLOCK,
    COUNT_DAY,
    FORGET_GRANTS,
    INSERT_GRANT,
    LOCK_WINDOW,
    READ_GRANTS,
    SPEND_DAY,
    USE_GRANTS,
)
from app.sending_windows import next_midnight, zone

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from app.model import Account

    Unused = Counter[datetime | None]  # by when the day ends of which they were spent

GRANT_LIFE_SECONDS = 0.5
TRAVEL_SECONDS = 0.2  # one request may travel longer than another by this much
DAILY = "RATE_LIMIT_DAILY"
SECONDLY = "RATE_LIMIT_SECONDLY"
UNKNOWN_DAY_SECONDS = 3600.0
LONGEST_WAIT_SECONDS = 60.0  # in memory: whoever has to wait for longer makes room for others
START_MAXIMUM = 100  # per window: the least any HubSpot plan allows; raised when HubSpot's headers say so
# Searches have a window of their own, 5 a second for the account (HubSpot's search guide). HubSpot does not say that
# they are free of the other one, so that they count there, too.
GENERAL, SEARCH = "general", "search"
SEARCHES, SEARCH_WINDOW_MS = 5, 1000
GRANTS_AT_ONCE = 10  # a busy process cannot send more within a grant's life: they would be void

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class PermitBlock:
    """Grants that were given together: how many have been used, and how long the slowest of them waited for it.

    `ids` are its rows, one in each window that it counts for. `since` is `elapsed_seconds` from before they were asked
    for: they never look younger than they are. `day` is when the day ends of which they were spent, None where days
    have no cap.
    """

    ids: Mapping[str, int]
    since: float
    count: int
    day: datetime | None
    used: int = 0
    waited: float = 0.0

    def spent(self) -> bool:
        """Tell whether these grants have waited too long to be used (500 ms)."""
        return elapsed_seconds() - self.since > GRANT_LIFE_SECONDS

    def use(self) -> None:
        """Count one that is used now."""
        self.used += 1
        self.waited = elapsed_seconds() - self.since

    def told(self) -> bool:
        """Tell whether nothing more can become of it."""
        return self.used == self.count or self.spent()


@dataclass(frozen=True, slots=True)
class StoredPermit:
    """Leave to send one request now."""

    portion: PermitBlock

    def spent(self) -> bool:
        """Tell whether the grant has waited too long to be used (500 ms)."""
        return self.portion.spent()

    def use(self) -> None:
        """Note that its request leaves now."""
        self.portion.use()


class StoredRateLimit:
    """The pace of one account's requests. One instance per worker process; waiters are served in order.

    `cap` (requests per window) stays below what HubSpot reports when the operator wants less; `headroom` is the share
    of the window left unused; `window_ms` is the window's length in milliseconds until HubSpot names another. `daily`
    caps the requests of a day, which ends at midnight in `timezone`; where that is not known, HubSpot is asked again an
    hour after it has called the day spent.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        account: str,
        cap: int | None = None,
        headroom: float = 0.05,
        window_ms: int = 10_000,
    ) -> None:
        self._engine = engine
        self._account = account
        self.cap = cap
        self._headroom = headroom
        self._window_ms = window_ms
        self.daily: int | None = None
        self._written: str | None = None
        self._learnt: str | None = None
        self._believed: tuple[int, int] | None = None
        self._waiting: dict[str, deque[asyncio.Future[StoredPermit]]] = {}
        self._askers: dict[str, asyncio.Task[None]] = {}
        self._portions: dict[str, list[PermitBlock]] = {}
        self._unused: Unused = Counter()
        self._notes: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()

    def heed(self, account: Account) -> None:
        """Take the operator's caps, which may change while it runs."""
        self.cap, self.daily, self._written = account.per_10s, account.daily, account.timezone

    @property
    def timezone(self) -> str | None:
        """The time zone in which the account's day ends: as the rules say, or as HubSpot does; None for neither."""
        return self._written or self._learnt

    def learn(self, timezone: str) -> bool:
        """Take HubSpot's word for the account's time zone; tell whether there is one of this name."""
        with suppress(ValueError):
            self._learnt = zone(timezone).key
        return self._learnt is not None

    async def acquire(self, kind: str = GENERAL, *, again: bool = False) -> StoredPermit:
        """Return when a request of `kind` may be sent. Raises HeldError and whatever the store raises.

        `again`: an earlier grant of this request was spent before it could leave. It goes first, since what was
        committed for it grows old.
        """
        future: asyncio.Future[StoredPermit] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(kind, deque())
        (waiting.appendleft if again else waiting.append)(future)
        asker = self._askers.get(kind)
        if asker is None or asker.done():
            self._askers[kind] = asyncio.create_task(self._serve(kind), name=f"pace-{kind}")
        return await future

    def believe(self, maximum: int, interval_ms: int) -> None:
        """Take HubSpot's own word for the limit (its X-HubSpot-RateLimit headers), for all replicas."""
        if (maximum, interval_ms) == self._believed or maximum <= 0 or interval_ms <= 0:
            return
        self._believed = (maximum, interval_ms)
        self._note(BELIEVE, maximum=maximum, window_ms=interval_ms)

    def throttled(self, code: str, retry_after: float | None) -> None:
        """Stop all replicas after a 429: a window long, or as long as HubSpot names; a spent day, until it ends.

        HubSpot says "secondly" of searches only, and only these are stopped by it.
        """
        kind = SEARCH if code == SECONDLY else GENERAL
        seconds = retry_after or self._start(kind)["window_ms"] / 1000
        if code == DAILY:
            seconds = max(retry_after or 0.0, self._rest_of_day())
        log.warning("hubspot.throttled", account=self._account, code=code, pause_seconds=seconds)
        self._note(BLOCK, kind=kind, code=code, seconds=seconds)

    async def close(self) -> None:
        """Stop serving; who still waits is cancelled."""
        self._closing.set()
        for future in (future for queue in self._waiting.values() for future in queue):
            future.cancel()
        await asyncio.gather(*self._askers.values(), *self._notes, return_exceptions=True)

    def _rest_of_day(self) -> float:
        """Return for how many seconds a spent day lasts; an hour where it is not known when it ends."""
        if self.timezone is None:
            return UNKNOWN_DAY_SECONDS
        now = utc_now()
        return (next_midnight(zone(self.timezone), now) - now).total_seconds()

    def _note(self, statement: object, **values: object) -> None:
        task = asyncio.create_task(self._write(statement, values))
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    async def _write(self, statement: object, values: dict[str, object]) -> None:
        try:
            async with self._engine.begin() as connection:
                await connection.execute(statement, {"kind": GENERAL, **values, "account": self._account})  # type: ignore[call-overload]
        except (SQLAlchemyError, OSError) as error:
            self._believed = None
            log.warning("pace.not_noted", account=self._account, error=first_line(error))

    async def _serve(self, kind: str) -> None:
        waiting = self._waiting[kind]
        while waiting:
            try:
                wait = await self._serve_some(kind, waiting)
            except (SegueError, SQLAlchemyError, OSError) as error:
                _fail_all(waiting, error)
                return
            if wait > 0:
                await _wait_at_most(wait, self._closing)

    async def _serve_some(self, kind: str, waiting: deque[asyncio.Future[StoredPermit]]) -> float:
        """Grant what the window allows to those in front; return the seconds to wait before the next look."""
        _drop_gone(waiting)
        if not waiting:
            return 0.0
        portions = self._portions.setdefault(kind, [])
        told = [portion for portion in portions if portion.told()]
        portion, wait = await self._asked(kind, min(len(waiting), GRANTS_AT_ONCE), told)
        # A search that finds its own window full has not come to the general one, where it is to be told, too.
        done = told if portion is not None or kind == GENERAL else []
        self._portions[kind] = [one for one in (*portions, portion) if one and one not in done]
        if portion is None:
            # What was given last may have been used at once: then the window has room earlier than it seems now.
            return min(wait, GRANT_LIFE_SECONDS) if self._portions[kind] else wait
        for _ in range(portion.count):
            _drop_gone(waiting)
            if waiting:
                waiting.popleft().set_result(StoredPermit(portion))
        return 0.0

    async def _asked(self, kind: str, wanted: int, told: list[PermitBlock]) -> tuple[PermitBlock | None, float]:
        """Ask in one transaction. What was not used is given back to the day by the first ask that spends of it."""
        since = elapsed_seconds()
        unused: Unused = Counter()
        for one in told:
            unused[one.day] += one.count - one.used
        carried, self._unused = self._unused, Counter()
        portion: PermitBlock | None = None
        try:
            async with self._engine.begin() as connection:
                portion, wait = await self._ask(connection, kind, wanted, told, since, carried + unused)
        finally:
            self._unused += Counter() if portion else carried
        if portion is None and kind == GENERAL:
            self._unused += unused  # these are told now, and not asked about again
        return portion, wait

    async def _ask(
        self, connection: AsyncConnection, kind: str, wanted: int, told: list[PermitBlock], since: float, unused: Unused
    ) -> tuple[PermitBlock | None, float]:
        """Return what is granted of those wanted, or None and the seconds to wait."""
        granted = wanted
        for each in _windows(kind):
            room, wait = await self._room(connection, each, told)
            if room <= 0:
                return None, wait
            granted = min(granted, room)
        granted, day = await self._spend_day(connection, granted, unused)
        ids = {each: await self._insert(connection, each, granted) for each in _windows(kind)}
        return PermitBlock(ids, since, granted, day), 0.0

    def _start(self, kind: str) -> dict[str, int]:
        """Return the window of a kind of requests, as long as HubSpot has not named another."""
        if kind == SEARCH:
            return {"maximum": SEARCHES, "window_ms": SEARCH_WINDOW_MS}
        return {"maximum": START_MAXIMUM, "window_ms": self._window_ms}

    async def _room(self, connection: AsyncConnection, kind: str, told: list[PermitBlock]) -> tuple[int, float]:
        """Return how many requests a window admits now, and (where none) how long to wait."""
        key = {"account": self._account, "kind": kind}
        window = (await connection.execute(LOCK_WINDOW, key | self._start(kind))).one()
        await _tell(connection, kind, told)
        counted = key | {"window": window.window_ms / 1000}
        await connection.execute(FORGET_GRANTS, counted)
        grants = (await connection.execute(READ_GRANTS, counted)).all()
        now: datetime = (await connection.execute(CLOCK)).scalar_one()
        if window.blocked_until is not None and window.blocked_until > now:
            return 0, blocked(window.blocked_by, window.blocked_until, now)
        allowed = allowance(window.maximum, self.cap if kind == GENERAL else None, self._headroom)
        room = allowed - sum(grant.requests for grant in grants)
        return (room, 0.0) if room > 0 else (0, max((grants[0].until - now).total_seconds(), 0.005))

    async def _insert(self, connection: AsyncConnection, kind: str, count: int) -> int:
        values = {"kind": kind, "count": count, "waited": GRANT_LIFE_SECONDS + TRAVEL_SECONDS}
        identity: int = (await connection.execute(INSERT_GRANT, values | {"account": self._account})).scalar_one()
        return identity

    async def _spend_day(self, connection: AsyncConnection, wanted: int, unused: Unused) -> tuple[int, datetime | None]:
        """Count requests against the operator's cap on the day; return how many it admits, and when the day ends.

        `unused` were counted earlier, by day, and never sent. Raises BudgetSpent when it admits none.
        """
        if self.daily is None or self.timezone is None:
            return wanted, None
        now: datetime = (await connection.execute(CLOCK)).scalar_one()
        key = {"account": self._account, "ends_at": next_midnight(zone(self.timezone), now)}
        day = (await connection.execute(COUNT_DAY, key)).one()
        given_back = min(unused[day.ends_at], day.used)
        granted: int = min(wanted, self.daily - day.used + given_back)
        if granted <= 0:
            raise BudgetSpent("daily_budget", day.ends_at)
        await connection.execute(SPEND_DAY, {"account": self._account, "count": granted - given_back})
        return granted, day.ends_at


def _windows(kind: str) -> list[str]:
    """Return the windows that a request counts for: the rarer one first, so that nobody waits for each other."""
    return [kind] if kind == GENERAL else [kind, GENERAL]


async def _tell(connection: AsyncConnection, kind: str, portions: list[PermitBlock]) -> None:
    """Write how portions were used, under the window's lock: what was not, no longer counts."""
    if portions:
        values = {
            "ids": [portion.ids[kind] for portion in portions],
            "counts": [portion.used for portion in portions],
            "waits": [portion.waited + TRAVEL_SECONDS for portion in portions],
        }
        await connection.execute(USE_GRANTS, values)


def allowance(maximum: int, cap: int | None, headroom: float) -> int:
    """Return how many requests the window admits: HubSpot's figure or the lower cap, less the headroom, at least 1."""
    return max(1, int(min(maximum, cap or maximum) * (1 - headroom)))


def blocked(code: str | None, until: datetime, now: datetime) -> float:
    """Return the seconds to wait after a 429. Raises HeldError where that is too long to be waited for in memory."""
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


def _drop_gone(waiting: deque[asyncio.Future[StoredPermit]]) -> None:
    while waiting and waiting[0].done():
        waiting.popleft()


def _fail_all(waiting: deque[asyncio.Future[StoredPermit]], error: Exception) -> None:
    while waiting:
        future = waiting.popleft()
        if not future.done():
            future.set_exception(error)
