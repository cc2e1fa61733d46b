"""What is read at most once in some seconds, however many people look: it changes slowly, or costs much."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Value = TypeVar("Value")


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
