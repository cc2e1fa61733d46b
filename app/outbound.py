"""Outbound events, put together: what sends them on the worker's side, and what operators see of them."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

from app.clock import utc_now
from app.deliver import Deliverer
from app.delivering import Delivering
from app.endpoint_standings import EndpointStandings
from app.endpoints import TIMEOUT, Endpoints
from app.store.outbound import Outbox
from app.store.outbound_books import OutboundBooks
from app.web import outbound as web_outbound

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AsyncExitStack

    from fastapi import APIRouter
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


def outbound_routes(engine: AsyncEngine, rulebook: RulebookInForce, *, authorised: Callable[..., None]) -> APIRouter:
    """Return what operators see of outbound events, and do to them."""
    return web_outbound.router(OutboundBooks(engine), _standings(engine, rulebook), authorised=authorised)


async def tell_endpoints(engine: AsyncEngine, rulebook: RulebookInForce, metrics: Metrics) -> None:
    """Set the gauges that say how endpoints stand. Raises Busy."""
    metrics.endpoints(await _standings(engine, rulebook).gauges())


def _standings(engine: AsyncEngine, rulebook: RulebookInForce) -> EndpointStandings:
    return EndpointStandings(OutboundBooks(engine), rulebook.endpoints, utc_now)
