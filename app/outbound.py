"""Outbound events, put together: what sends them on the worker's side, and what operators see of them."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

from app.clock import utc_now
from app.deliver import Deliverer
from app.delivering import Delivering
from app.endpoints import TIMEOUT, Endpoints
from app.store.outbound import Outbox

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.in_force import RulebookInForce
    from app.metrics import Metrics
    from app.settings import Settings

# Nobody renews a delivery's lease: an answer takes 15 s at most, and recording it a moment.
LEASE = 4 * TIMEOUT
# An endpoint that takes longer than this while we stop is sent the event again by whoever is next.
DRAIN = timedelta(seconds=5)


async def start_delivering(
    stack: AsyncExitStack,
    settings: Settings,
    engine: AsyncEngine,
    rulebook: RulebookInForce,
    metrics: Metrics,
    name: str,
) -> Delivering:
    """Start what sends the events that the endpoints of the rules in force are told of."""
    endpoints = await stack.enter_async_context(Endpoints())
    outbox = Outbox(engine, worker=name, lease=LEASE)
    deliverer = Deliverer(outbox, endpoints.post, now=utc_now, random=random.random, metrics=metrics)
    delivering = Delivering(outbox, deliverer, endpoints=rulebook.endpoints, now=utc_now)
    delivering.start()
    drain = min(DRAIN.total_seconds(), settings.drain_seconds)
    stack.push_async_callback(delivering.stop, drain_seconds=drain)
    return delivering
