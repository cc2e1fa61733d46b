"""What is forgotten, and when. Each statement takes a bounded bite, so that no replica is ever stopped by a sweep."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.ext.asyncio import AsyncEngine

log = structlog.get_logger(__name__)

BITE = 1000
REFUSED_LIFE = timedelta(hours=24)
# An endpoint that asks for the longest pause after each try has been tried for the last time after seven days; then
# somebody must have the time to see that, and to replay.
UNDELIVERED_LIFE = timedelta(days=14)

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

PRUNE_DELIVERED = text("""
    DELETE FROM outbound WHERE id IN (
        SELECT id FROM outbound
        WHERE created_at < clock_timestamp() - CAST(:age AS interval) AND state = 'delivered'
        LIMIT :bite FOR UPDATE SKIP LOCKED
    )
""")

# What nobody has touched for so long waits for an endpoint that has left the rules, says that it is gone, or took
# nothing all that time; a try or a replay is a touch. (Nothing is touched before it is made: the first condition is
# for the index.) Of what failed the operator has been told.
PRUNE_UNDELIVERED = text("""
    WITH gone AS (
        DELETE FROM outbound WHERE id IN (
            SELECT id FROM outbound
            WHERE created_at < clock_timestamp() - CAST(:age AS interval)
              AND updated_at < clock_timestamp() - CAST(:age AS interval)
              AND (state IN ('waiting', 'failed') OR (state = 'sending' AND leased_until < clock_timestamp()))
            LIMIT :bite FOR UPDATE SKIP LOCKED
        )
        RETURNING endpoint, state
    )
    SELECT endpoint, count(*) AS rows, count(*) FILTER (WHERE state <> 'failed') AS unsent FROM gone GROUP BY endpoint
""")

# The last word on an endpoint stays: one that said that it is gone would be sent to again.
PRUNE_STANDINGS = text("""
    DELETE FROM outbound_endpoints WHERE (endpoint, fingerprint) IN (
        SELECT endpoint, fingerprint FROM outbound_endpoints AS older
        WHERE GREATEST(last_success_at, last_error_at) < clock_timestamp() - CAST(:age AS interval)
          AND EXISTS (
              SELECT FROM outbound_endpoints AS newer
              WHERE newer.endpoint = older.endpoint
                AND GREATEST(newer.last_success_at, newer.last_error_at)
                    > GREATEST(older.last_success_at, older.last_error_at)
          )
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
    expired: Callable[[str, int], None] = lambda _endpoint, _count: None,
    stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Forget what is older than it may be; return how many rows went or were emptied. Ends early when `stopping`.

    `retention` is for payloads (deliveries, event data), `dedupe` for the keys that tell duplicates. `expired` is told
    of each endpoint how many events went that were still to be sent to it.
    """
    undelivered = max(retention, UNDELIVERED_LIFE)
    ages = [
        (PRUNE_DELIVERIES, retention),
        (PRUNE_PAYLOADS, retention),
        (PRUNE_ENRICHMENTS, retention),
        (PRUNE_DELIVERED, retention),
        (PRUNE_STANDINGS, undelivered),
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
    return total + await _prune_undelivered(engine, undelivered, expired, stopping)


async def _prune_undelivered(
    engine: AsyncEngine, age: timedelta, expired: Callable[[str, int], None], stopping: Callable[[], bool]
) -> int:
    total, gone = 0, BITE
    while gone == BITE and not stopping():
        async with engine.begin() as connection:
            rows = (await connection.execute(PRUNE_UNDELIVERED, {"age": age, "bite": BITE})).all()
        gone = sum(row.rows for row in rows)
        total += gone
        for row in rows:
            if row.unsent:
                expired(row.endpoint, row.unsent)
    return total


async def sweep(
    engine: AsyncEngine,
    stopping: Callable[[], bool],
    *,
    retention: timedelta,
    dedupe: timedelta,
    expired: Callable[[str, int], None],
) -> None:
    """Forget what `prune` says may be forgotten.

    `expired` receives, for each endpoint, how many events went that were still to be sent to it.
    """

    def lost(endpoint: str, count: int) -> None:
        log.warning("outbound.expired", endpoint=endpoint, count=count, follows="the endpoint never receives them")
        expired(endpoint, count)

    rows = await prune(engine, retention=retention, dedupe=dedupe, expired=lost, stopping=stopping)
    log.info("retention.swept", rows=rows)
