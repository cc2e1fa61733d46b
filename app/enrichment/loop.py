"""The loop around `app.enrichment.enrich`: claim thin events and look them up, several at once."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import structlog

from app.database.engine import STORE_TROUBLE, first_line
from app.database.listen import IDLE_POLL_SECONDS
from app.errors import FenceLost
from app.jobs import Loop

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from app.enrichment.enrich import Enricher
    from app.enrichment.store import Enrichment, EnrichmentStore

AT_ONCE = 20

log = structlog.get_logger(__name__)


def start_loop(stack: AsyncExitStack, store: EnrichmentStore, enricher: Enricher, *, poll: float = 1.0) -> Loop:
    """Start one worker's loop; `stack` cancels its lookups and releases their events, of which nothing is written yet.

    When a worker dies, others claim its events once their lease has run out. `poll` is in seconds: the loop looks for
    work that often while events are looked up, here or by others.
    """
    once = partial(_run_due, store, enricher)
    loop = Loop(once, every=poll, store_trouble="enriching.store_trouble", defect="enriching.defect")
    stack.push_async_callback(_hand_back, store)
    stack.push_async_callback(loop.stop)
    loop.start()
    return loop


async def _hand_back(store: EnrichmentStore) -> None:
    try:
        await store.hand_back()
    except STORE_TROUBLE as error:
        log.warning("enriching.not_handed_back", error=first_line(error), follows="the leases run out")


async def _run_due(store: EnrichmentStore, enricher: Enricher) -> float | None:
    """Look up what is due; return the seconds until more is due, None where another worker may have it."""
    seconds = await store.due_in()
    if seconds > 0:
        return min(seconds, IDLE_POLL_SECONDS)
    claimed = await store.claim(AT_ONCE)
    await asyncio.gather(*(_guarded(enricher, enrichment) for enrichment in claimed))
    return 0.0 if claimed else None


async def _guarded(enricher: Enricher, enrichment: Enrichment) -> None:
    structlog.contextvars.bind_contextvars(delivery_id=enrichment.delivery_id)
    try:
        await enricher.enrich(enrichment)
    except FenceLost:
        log.warning("event.fence_lost", event_id=enrichment.event_id, attempt=enrichment.attempt)
    except STORE_TROUBLE as error:
        log.warning("event.not_recorded", error=first_line(error), follows="the lease runs out")
    except Exception:
        # A defect of ours in one event must not stop the others; its lease runs out and it is tried again.
        log.exception("event.defect", event_id=enrichment.event_id)
