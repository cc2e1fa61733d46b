"""The loop around `app.enrichment.enrich`: claim thin events and look them up, several at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from app.database.engine import STORE_TROUBLE, first_line
from app.errors import FenceLost
from app.jobs import Loop

if TYPE_CHECKING:
    from app.enrichment.enrich import Enricher
    from app.enrichment.store import Enrichment, EnrichmentStore

AT_ONCE = 20

log = structlog.get_logger(__name__)


class EnrichmentLoop:
    """One worker's thin events. When a worker dies, others claim its events once their lease has run out.

    `poll` is in seconds: the loop looks for work that often, in case a notification was lost.
    """

    def __init__(self, enrichments: EnrichmentStore, enricher: Enricher, *, poll: float = 1.0) -> None:
        self._enrichments = enrichments
        self._enricher = enricher
        self._loop = Loop(self._once, every=poll, store_trouble="enriching.store_trouble", defect="enriching.defect")

    def start(self) -> None:
        """Start the loop."""
        self._loop.start()

    def wake(self) -> None:
        """Look for work now: another process has committed some."""
        self._loop.wake()

    async def stop(self) -> None:
        """Cancel the lookups under way and release their events: nothing is written yet."""
        await self._loop.stop()
        try:
            await self._enrichments.hand_back()
        except STORE_TROUBLE as error:
            log.warning("enriching.not_handed_back", error=first_line(error), follows="the leases run out")

    async def _once(self) -> float | None:
        claimed = await self._enrichments.claim(AT_ONCE)
        await asyncio.gather(*(self._guarded(enrichment) for enrichment in claimed))
        return 0.0 if len(claimed) == AT_ONCE else None

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
