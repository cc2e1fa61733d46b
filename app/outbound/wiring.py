"""Outbound events, put together: what sends them to the operator's own systems, and how these stand."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

from app.clock import utc_now
from app.database.listen import OUTBOUND_READY
from app.outbound.client import TIMEOUT, Endpoints
from app.outbound.loop import OutboundLoop
from app.outbound.operator_store import OutboundOperatorStore
from app.outbound.send import OutboundSender
from app.outbound.status import EndpointStatuses
from app.outbound.store import Outbox

if TYPE_CHECKING:
    from app.process import Process

# The lease of an outbound event is not renewed: an answer takes 15 s at most, and recording it a moment.
LEASE = 4 * TIMEOUT
# An endpoint that takes longer than this while the process stops receives the event again from another one.
DRAIN = timedelta(seconds=5)


async def start(process: Process) -> None:
    """Start what sends events to the endpoints of the rules in force."""
    endpoints = await process.stack.enter_async_context(Endpoints())
    outbox = Outbox(process.engine, worker=process.name, lease=LEASE)
    deliverer = OutboundSender(outbox, endpoints.post, now=utc_now, random=random.random, metrics=process.metrics)
    delivering = OutboundLoop(outbox, deliverer, endpoints=process.rulebook.endpoints, now=utc_now)
    delivering.start()
    drain = min(DRAIN.total_seconds(), process.settings.drain_seconds)
    process.stack.push_async_callback(delivering.stop, drain_seconds=drain)
    process.subscribe(OUTBOUND_READY, delivering.wake)


def endpoint_status(process: Process) -> EndpointStatuses:
    """Return how the endpoints stand."""
    return EndpointStatuses(OutboundOperatorStore(process.engine), process.rulebook.endpoints, utc_now)
