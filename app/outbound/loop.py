"""The loop around `app.outbound.send`: claim what is due, some at once for each endpoint, and have it sent."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import structlog

from app.database.engine import STORE_TROUBLE, first_line
from app.errors import FenceLost
from app.jobs import Loop

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from app.model import Endpoint
    from app.outbound.send import OutboundSender
    from app.outbound.store import Outbox, Outgoing

AT_ONCE = 10

log = structlog.get_logger(__name__)


class OutboundLoop:
    """One worker's outbound events. Whoever dies with some in hand is replaced when their lease has run out.

    `endpoints` returns those of the rules in force: what waits for others stays where it is. Each has places of its
    own, `at_once` of them, so that a slow one keeps nobody waiting. `poll` is in seconds: how long after a wake-up that
    got lost somebody looks by himself, and how exactly a retry is on time.
    """

    def __init__(
        self,
        outbox: Outbox,
        deliverer: OutboundSender,
        *,
        endpoints: Callable[[], Mapping[str, Endpoint]],
        now: Callable[[], datetime],
        at_once: int = AT_ONCE,
        poll: float = 1.0,
    ) -> None:
        self._outbox = outbox
        self._deliverer = deliverer
        self._endpoints = endpoints
        self._now = now
        self._at_once = at_once
        self._loop = Loop(self._once, every=poll, store_trouble="outbound.store_trouble", defect="outbound.defect")
        self._in_hand: dict[asyncio.Task[None], str] = {}

    def start(self) -> None:
        """Begin to send."""
        self._loop.start()

    def wake(self) -> None:
        """Look for work now: another process committed some."""
        self._loop.wake()

    async def stop(self, *, drain_seconds: float) -> None:
        """Claim nothing more, wait for the answers that are on their way, and hand back the rest."""
        await self._loop.stop()
        if self._in_hand:
            await asyncio.wait(self._in_hand, timeout=drain_seconds)
        left = list(self._in_hand)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        try:
            await self._outbox.hand_back()
        except STORE_TROUBLE as error:
            log.warning("outbound.not_handed_back", error=first_line(error), follows="the leases run out")

    async def _once(self) -> None:
        await self.take()

    async def take(self) -> int:
        """Claim what there is room for, and begin to send it; return how many."""
        endpoints, busy = self._endpoints(), Counter(self._in_hand.values())
        wanted = [(one, room) for one in endpoints.values() if (room := self._at_once - busy[one.name]) > 0]
        claimed = await self._outbox.claim(wanted, now=self._now()) if wanted else []
        for outgoing in claimed:
            task = asyncio.create_task(self._guarded(outgoing, endpoints[outgoing.endpoint]), name=outgoing.id)
            self._in_hand[task] = outgoing.endpoint
            task.add_done_callback(self._done)
        return len(claimed)

    async def drained(self) -> None:
        """Wait until nothing is in hand."""
        while self._in_hand:
            await asyncio.wait(self._in_hand)

    def _done(self, task: asyncio.Task[None]) -> None:
        """Look for more once half of an endpoint's places are free, and when all are: its breaker may have closed."""
        endpoint = self._in_hand.pop(task)
        if Counter(self._in_hand.values())[endpoint] in {0, self._at_once // 2}:
            self._loop.wake()

    async def _guarded(self, outgoing: Outgoing, endpoint: Endpoint) -> None:
        structlog.contextvars.bind_contextvars(outbound_id=outgoing.id)
        try:
            await self._deliverer.deliver(outgoing, endpoint)
        except FenceLost:
            log.warning("outbound.fence_lost", attempt=outgoing.attempt)
        except STORE_TROUBLE as error:
            log.warning("outbound.not_recorded", error=first_line(error), follows="the lease runs out")
        except Exception:
            # A defect of ours in one delivery must not stop the others; its lease runs out and it is sent again.
            log.exception("outbound.defect")
