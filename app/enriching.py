"""The loop around `app.enrich`: claim thin events and have them asked about, some at once."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.errors import FenceLost
from app.store.database import first_line

if TYPE_CHECKING:
    from app.enrich import Enricher
    from app.store.enrichments import Enrichment, Enrichments

AT_ONCE = 20
STORE_TROUBLE = (SQLAlchemyError, OSError, TimeoutError)

log = structlog.get_logger(__name__)


class Enriching:
    """One worker's thin events. Whoever dies with some in hand is replaced when their lease has run out.

    `poll` is in seconds: how long after a wake-up that got lost somebody looks by himself.
    """

    def __init__(self, enrichments: Enrichments, enricher: Enricher, *, poll: float = 1.0) -> None:
        self._enrichments = enrichments
        self._enricher = enricher
        self._poll = poll
        self._wake = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to ask."""
        self._loop = asyncio.create_task(self._ask_for_ever(), name="enriching")

    def wake(self) -> None:
        """Look for work now: somebody committed some."""
        self._wake.set()

    async def stop(self) -> None:
        """Give up what is being asked, and hand it back: nothing was written yet."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        try:
            await self._enrichments.hand_back()
        except STORE_TROUBLE as error:
            log.warning("enriching.not_handed_back", error=first_line(error), follows="the leases run out")

    async def _ask_for_ever(self) -> None:
        while True:
            self._wake.clear()
            claimed = await self._claimed()
            await asyncio.gather(*(self._guarded(enrichment) for enrichment in claimed))
            if len(claimed) < AT_ONCE:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._poll):
                        await self._wake.wait()

    async def _claimed(self) -> list[Enrichment]:
        try:
            return await self._enrichments.claim(AT_ONCE)
        except STORE_TROUBLE as error:
            log.warning("enriching.store_trouble", error=first_line(error))
        except Exception:
            # A loop that ends takes all thin events with it, and nobody would notice.
            log.exception("enriching.defect")
        return []

    async def _guarded(self, enrichment: Enrichment) -> None:
        structlog.contextvars.bind_contextvars(delivery_id=enrichment.delivery_id)
        try:
            await self._enricher.enrich(enrichment)
        except FenceLost:
            log.warning("event.fence_lost", event_id=enrichment.event_id, attempt=enrichment.attempt)
        except STORE_TROUBLE as error:
            log.warning("event.not_recorded", error=first_line(error), follows="the lease runs out")
        except Exception:
            # A defect of ours in one event must not stop the others; its lease runs out and it is tried again.
            log.exception("event.defect", event_id=enrichment.event_id)
