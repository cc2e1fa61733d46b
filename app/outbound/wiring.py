"""Outbound events, put together: the loop that sends them, and the status of endpoints."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

from app.clock import utc_now
from app.database.listen import OUTBOUND_READY
from app.outbound.client import TIMEOUT, EndpointClient
from app.outbound.loop import OutboundLoop
from app.outbound.operator_store import OutboundOperatorStore
from app.outbound.send import OutboundSender
from app.outbound.status import EndpointStatuses
from app.outbound.store import Outbox

if TYPE_CHECKING:
    from app.process import Process

# The lease of an event is not renewed: an answer takes 15 s at most, and recording it is quick.
LEASE = 4 * TIMEOUT
# An endpoint that takes longer than this while the process stops receives the event again, from another process.
DRAIN = timedelta(seconds=5)


async def start(process: Process) -> None:
    """Start the loop that sends events to the endpoints of the rules in force."""
    client = EndpointClient(process.settings.endpoint_networks)
    process.stack.push_async_callback(client.aclose)
    outbox = Outbox(process.engine, worker=process.name, lease=LEASE)
    sender = OutboundSender(outbox, client, now=utc_now, random=random.random, metrics=process.metrics)
    loop = OutboundLoop(outbox, sender, endpoints=process.rulebook.endpoints, now=utc_now)
    loop.start()
    drain = min(DRAIN.total_seconds(), process.settings.drain_seconds)
    process.stack.push_async_callback(loop.stop, drain_seconds=drain)
    process.subscribe(OUTBOUND_READY, loop.wake)


def endpoint_status(process: Process) -> EndpointStatuses:
    """Return the status of the endpoints."""
    return EndpointStatuses(OutboundOperatorStore(process.engine), process.rulebook.endpoints, utc_now)
