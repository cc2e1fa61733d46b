"""Lookups that many events share: one request for one person, used for a minute, no faster than the tool allows.

This holds for one replica; where several exceed a tool's limit together, its 429 makes each of them pause.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from app.clock import elapsed_seconds
from app.errors import LookupFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.sources.base import Lookup

MOST_KEPT = 1000
TOO_MANY = "status_429"
# The length of Intercom's window, which sends no Retry-After; seconds.
USUAL_PAUSE = 10.0

Key: TypeAlias = tuple[str, str, frozenset[tuple[str, str]]]


@dataclass(slots=True)
class _Kept:
    """A request under way, or its answer, which is used `until` then (monotonic seconds)."""

    answer: asyncio.Future[Any]
    until: float = math.inf


@dataclass(slots=True)
class _Pace:
    """When the next request may leave, and until when none may (monotonic seconds)."""

    next_at: float = 0.0
    paused_until: float = 0.0


class SharedLookups:
    """Asks by `ask`. `elapsed` is a monotonic clock in seconds."""

    def __init__(
        self,
        ask: Callable[[Lookup], Awaitable[Any]],
        *,
        elapsed: Callable[[], float] = elapsed_seconds,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._ask = ask
        self._elapsed = elapsed
        self._sleep = sleep
        self._kept: dict[Key, _Kept] = {}
        self._paces: dict[Key, _Pace] = {}

    async def aclose(self) -> None:
        """End the requests that are under way."""
        under_way = [kept.answer for kept in self._kept.values() if not kept.answer.done()]
        for request in under_way:
            request.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    async def ask(self, lookup: Lookup) -> Any:
        """Return the JSON at the lookup's path. Concurrent callers share one request, and also its failure.

        Raises LookupFailed and LookupNotFound.
        """
        if not lookup.keep_seconds:
            return await self._paced(lookup)
        key = _key(lookup, lookup.path)
        kept = self._kept.get(key)
        if kept is None or kept.until < self._elapsed():
            if self._is_full():
                return await self._paced(lookup)
            kept = self._kept[key] = _Kept(asyncio.ensure_future(self._paced(lookup)))
            kept.answer.add_done_callback(partial(self._answered, key, kept, lookup.keep_seconds))
        return await asyncio.shield(kept.answer)

    def _answered(self, key: Key, kept: _Kept, seconds: float, answer: asyncio.Future[Any]) -> None:
        """Keep an answer, and forget a failure: the next lookup asks again."""
        kept.until = self._elapsed() + seconds
        if answer.cancelled() or answer.exception() is not None:
            del self._kept[key]

    def _is_full(self) -> bool:
        if len(self._kept) >= MOST_KEPT:
            now = self._elapsed()
            self._kept = {key: kept for key, kept in self._kept.items() if kept.until >= now}
        return len(self._kept) >= MOST_KEPT

    async def _paced(self, lookup: Lookup) -> Any:
        """Ask in the tool's pace; while it demands a pause, fail without asking."""
        pace = self._paces.setdefault(_key(lookup, ""), _Pace())
        now = self._elapsed()
        if lookup.per_minute is not None:
            turn = max(now, pace.next_at)
            pace.next_at = turn + 60 / lookup.per_minute
            if turn > now:
                await self._sleep(turn - now)
        if (left := pace.paused_until - self._elapsed()) > 0:
            raise LookupFailed(TOO_MANY, f"{lookup.host} demands a pause", left)
        try:
            return await self._ask(lookup)
        except LookupFailed as failure:
            if failure.reason == TOO_MANY:
                pace.paused_until = self._elapsed() + (failure.retry_after or USUAL_PAUSE)
            raise


def _key(lookup: Lookup, path: str) -> Key:
    # The headers hold the token: another token is another account, with answers and limits of its own.
    return lookup.host, path, frozenset(lookup.headers.items())
