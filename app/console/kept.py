"""What is read at most once in some seconds, however many people look: it changes slowly, or costs much."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

Key = TypeVar("Key", bound="Hashable")
Value = TypeVar("Value")
MOST_KEYS = 500
# How long the tallies of a period are kept: longer than between two looks of a page that refreshes itself. Of 30 days a
# million cells may be added up: the counts are behind by a minute anyway.
TALLIED_SECONDS = {"24h": 0.0, "7d": 30.0, "30d": 60.0}


class Kept(Generic[Value]):
    """The value that `read` returns, kept for `seconds`. An error of `read` is not kept."""

    def __init__(
        self, read: Callable[[], Awaitable[Value]], seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read, self._seconds, self._clock = read, seconds, clock
        self._kept: tuple[float, Value] | None = None

    async def value(self) -> Value:
        """Return it, read now where it is older."""
        if self._kept is None or self._clock() - self._kept[0] > self._seconds:
            self._kept = self._clock(), await self._read()
        return self._kept[1]


class KeptBy(Generic[Key, Value]):
    """The value that `read` returns for each key, kept for `seconds`: for a period, a time zone, a rule.

    Beyond some hundred keys, as after many changes of the rules, it begins anew.
    """

    def __init__(
        self, read: Callable[[Key], Awaitable[Value]], seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read, self._seconds, self._clock = read, seconds, clock
        self._kept: dict[Key, Kept[Value]] = {}

    async def value(self, key: Key) -> Value:
        """Return the value of a key, read now where it is older."""
        if key not in self._kept:
            if len(self._kept) >= MOST_KEYS:
                self._kept.clear()
            self._kept[key] = Kept(partial(self._read, key), self._seconds, self._clock)
        return await self._kept[key].value()
