"""Lanes limit how many requests of one account are between the wait for a permit and their reply.

HubSpot's window often has room for all requests that wait, and each of them would then open a connection of its own. A
permit is void after half a second, so a request that waits for others waits before it has one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

LANES = 10
# A request that HubSpot answers slowly gives its lane to the next one: 40 requests a second can always leave. HubSpot's
# largest limit is 25 a second.
SLOW_SECONDS = 0.25


class Lane:
    """One lane of `lanes`, held as a context manager."""

    def __init__(self, lanes: asyncio.Semaphore) -> None:
        self._lanes = lanes
        self._held = False
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        await self._lanes.acquire()
        self._held = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()
        if self._timer is not None:
            self._timer.cancel()

    def departing(self, before_send: Callable[[], Awaitable[None]] | None) -> Callable[[], Awaitable[None]]:
        """Return a `before_send` after which the lane is held for 250 ms at most."""

        async def depart() -> None:
            if before_send is not None:
                await before_send()
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(SLOW_SECONDS, self._leave)

        return depart

    def _leave(self) -> None:
        if self._held:
            self._held = False
            self._lanes.release()
