"""What is forgotten, and when. Each statement takes a bounded bite, so that no replica is ever stopped by a sweep."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.ext.asyncio import AsyncEngine

BITE = 1000
REFUSED_LIFE = timedelta(hours=24)

PRUNE_DELIVERIES = text("""
    DELETE FROM deliveries WHERE id IN (
        SELECT id FROM deliveries WHERE received_at < clock_timestamp() - CAST(:age AS interval)
        LIMIT :bite FOR UPDATE SKIP LOCKED
    )
""")

# The event itself stays as the receipt's subject; the provider's payload goes with the delivery it came in.
PRUNE_PAYLOADS = text("""
    UPDATE events SET data = NULL WHERE id IN (
        SELECT id FROM events WHERE received_at < clock_timestamp() - CAST(:age AS interval) AND data IS NOT NULL
        LIMIT :bite FOR UPDATE SKIP LOCKED
    )
""")

PRUNE_ENRICHMENTS = text("""
    DELETE FROM enrichments WHERE event_id IN (
        SELECT event_id FROM enrichments
        WHERE created_at < clock_timestamp() - CAST(:age AS interval) AND state IN ('done', 'failed')
        LIMIT :bite FOR UPDATE SKIP LOCKED
    )
""")

# What still waits by then waits for an endpoint that has left the rules or says that it is gone.
PRUNE_OUTBOUND = text("""
    DELETE FROM outbound WHERE id IN (
        SELECT id FROM outbound
        WHERE created_at < clock_timestamp() - CAST(:age AS interval)
          AND (state <> 'sending' OR leased_until < clock_timestamp())
        LIMIT :bite FOR UPDATE SKIP LOCKED
    )
""")

PRUNE_EVENT_KEYS = text("""
    DELETE FROM event_keys WHERE (source, key) IN (
        SELECT source, key FROM event_keys WHERE seen_at < clock_timestamp() - CAST(:age AS interval)
        LIMIT :bite FOR UPDATE SKIP LOCKED
    )
""")

PRUNE_REFUSED = text("""
    DELETE FROM refused_deliveries WHERE id IN (
        SELECT id FROM refused_deliveries WHERE received_at < clock_timestamp() - CAST(:age AS interval)
        LIMIT :bite FOR UPDATE SKIP LOCKED
    )
""")

# An intent whose period has passed can be taken over anyway; without a row it is simply taken.
PRUNE_INTENTS = text("""
    DELETE FROM intents WHERE (account, intent, email) IN (
        SELECT account, intent, email FROM intents WHERE until < clock_timestamp() - CAST(:age AS interval)
        LIMIT :bite FOR UPDATE SKIP LOCKED
    )
""")

PRUNE_RESERVATIONS = text("""
    DELETE FROM sender_reservations WHERE enrollment_id IN (
        SELECT enrollment_id FROM sender_reservations WHERE reserved_at < clock_timestamp() - CAST(:age AS interval)
        LIMIT :bite FOR UPDATE SKIP LOCKED
    )
""")


async def prune(
    engine: AsyncEngine,
    *,
    retention: timedelta,
    dedupe: timedelta,
    stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Forget what is older than it may be; return how many rows went or were emptied. Ends early when `stopping`.

    `retention` is for payloads (deliveries, event data), `dedupe` for the keys that tell duplicates.
    """
    ages = [
        (PRUNE_DELIVERIES, retention),
        (PRUNE_PAYLOADS, retention),
        (PRUNE_ENRICHMENTS, retention),
        (PRUNE_OUTBOUND, retention),
        (PRUNE_EVENT_KEYS, dedupe),
        (PRUNE_REFUSED, REFUSED_LIFE),
        (PRUNE_INTENTS, timedelta(0)),
        (PRUNE_RESERVATIONS, timedelta(hours=25)),
    ]
    total = 0
    for statement, age in ages:
        while not stopping():
            async with engine.begin() as connection:
                gone = (await connection.execute(statement, {"age": age, "bite": BITE})).rowcount
            total += gone
            if gone < BITE:
                break
    return total
