"""The loop around `app.outbound.send`: claim due events, some at once for each endpoint, and send them."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import structlog

from app.database.engine import STORE_TROUBLE, first_line
from app.database.listen import IDLE_POLL_SECONDS
from app.errors import FenceLost
from app.jobs import Loop

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from app.model import Endpoint
    from app.outbound.send import OutboundSender
    from app.outbound.store import Outbox, Outgoing

AT_ONCE = 10  # places that each endpoint has of its own, so that a slow one does not delay the others
POLL_SECONDS = 1.0  # how often the loop runs while due events wait for a lease, a breaker, or a place

log = structlog.get_logger(__name__)


class OutboundLoop:
    """One worker's outbound events. Events of a worker that died are claimed again when their lease has run out.

    `endpoints` returns those of the rules in force: events for other endpoints stay where they are.
    """

    def __init__(
        self,
        outbox: Outbox,
        sender: OutboundSender,
        *,
        endpoints: Callable[[], Mapping[str, Endpoint]],
        now: Callable[[], datetime],
    ) -> None:
        self._outbox = outbox
        self._sender = sender
        self._endpoints = endpoints
        self._now = now
        self._loop = Loop(
            self._once, every=POLL_SECONDS, store_trouble="outbound.store_trouble", defect="outbound.defect"
        )
        self._sending: dict[asyncio.Task[None], str] = {}

    def start(self) -> None:
        """Begin to send."""
        self._loop.start()

    def wake(self) -> None:
        """Run now: another process has committed work."""
        self._loop.wake()

    async def stop(self, *, drain_seconds: float) -> None:
        """Claim no more events, wait for requests in flight, and hand back the rest."""
        await self._loop.stop()
        if self._sending:
            await asyncio.wait(self._sending, timeout=drain_seconds)
        left = list(self._sending)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        try:
            await self._outbox.hand_back()
        except STORE_TROUBLE as error:
            log.warning("outbound.not_handed_back", error=first_line(error), follows="the leases run out")

    async def _once(self) -> float | None:
        """Send what is due; return the seconds until more is due, None where some waits now."""
        seconds = await self._outbox.due_in(self._endpoints())
        if seconds > 0:
            return min(seconds, IDLE_POLL_SECONDS)
        await self.take()
        return None

    async def take(self) -> int:
        """Claim as many events as there is room for, and begin to send them; return their number."""
        endpoints, busy = self._endpoints(), Counter(self._sending.values())
        wanted = [(one, room) for one in endpoints.values() if (room := AT_ONCE - busy[one.name]) > 0]
        claimed = await self._outbox.claim(wanted, now=self._now()) if wanted else []
        for outgoing in claimed:
            task = asyncio.create_task(self._guarded(outgoing, endpoints[outgoing.endpoint]), name=outgoing.id)
            self._sending[task] = outgoing.endpoint
            task.add_done_callback(self._done)
        return len(claimed)

    def _done(self, task: asyncio.Task[None]) -> None:
        """Claim more once half of an endpoint's places are free, and when all are: its breaker may have closed."""
        endpoint = self._sending.pop(task)
        if Counter(self._sending.values())[endpoint] in {0, AT_ONCE // 2}:
            self._loop.wake()

    async def _guarded(self, outgoing: Outgoing, endpoint: Endpoint) -> None:
        structlog.contextvars.bind_contextvars(outbound_id=outgoing.id)
        try:
            await self._sender.send(outgoing, endpoint)
        except FenceLost:
            log.warning("outbound.fence_lost", attempt=outgoing.attempt)
        except STORE_TROUBLE as error:
            log.warning("outbound.not_recorded", error=first_line(error), follows="the lease runs out")
        except Exception:
            # A defect of ours in one event must not stop the others. Its lease runs out and it is sent again.
            log.exception("outbound.defect")
