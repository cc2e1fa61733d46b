"""Retention: which rows are deleted, and when. Each statement is bounded, so that no sweep blocks a replica."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import TextClause
    from sqlalchemy.ext.asyncio import AsyncEngine

log = structlog.get_logger(__name__)

BITE = 1000
REFUSED_LIFE = timedelta(hours=24)
INVENTORY_LIFE = timedelta(days=1)
FORM_LIFE = timedelta(hours=24)  # for which a confirm page that stays open does once what it asks for
# An endpoint that requests the longest pause after each try is tried for the last time after seven days; the operator
# then needs time to notice it and to replay.
UNDELIVERED_LIFE = timedelta(days=14)


def _bite(table: str, time: str, *, which: str = "true", order: str | None = None) -> str:
    """Return the condition that a row of `table` is among the oldest that fulfil `which` and are older than `age`.

    An index on `time`, or on `order` where that sorts alike, serves the comparison, the order and the limit.
    `clock_timestamp()` is volatile and would be compared with every row; a row that becomes too old during the
    statement goes with the next sweep. The statement takes the rows from an array, by their addresses: for a join the
    planner may read the whole table. A row that another transaction changes at the same moment gets another address,
    and stays until the next sweep.
    """
    return f"""
        ctid = ANY(ARRAY(
            SELECT ctid FROM {table} WHERE {time} < statement_timestamp() - CAST(:age AS interval) AND ({which})
            ORDER BY {order or time} LIMIT :bite FOR UPDATE SKIP LOCKED
        ))
    """  # noqa: S608  # all inserted text is in this module


def _delete(table: str, time: str, *, which: str = "true", order: str | None = None) -> TextClause:
    return text(f"DELETE FROM {table} WHERE {_bite(table, time, which=which, order=order)}")  # noqa: S608  # as above


# The primary key finds them. An id begins with the time at which its request began: milliseconds, in twelve hexadecimal
# digits. `received_at`, when the body had come, is a little later, and decides.
_TOO_OLD = "GREATEST(0, EXTRACT(epoch FROM statement_timestamp() - CAST(:age AS interval)) * 1000)"
PRUNE_DELIVERIES = _delete(
    "deliveries",
    "received_at",
    which=f"id < 'dlv_' || lpad(to_hex(CAST({_TOO_OLD} AS bigint)), 12, '0')",
    order="id",
)

# The event stays, because the journal refers to it; the provider's payload goes together with its delivery, and so do
# the values of it that its decisions quote.
PRUNE_PAYLOADS = text("""
    WITH old AS MATERIALIZED (
        SELECT ctid, id FROM events
        WHERE received_at < statement_timestamp() - CAST(:age AS interval) AND data IS NOT NULL
        ORDER BY received_at LIMIT :bite FOR UPDATE SKIP LOCKED
    ), unquoted AS (
        UPDATE decisions SET facts = (SELECT jsonb_agg(fact - 'detail') FROM jsonb_array_elements(facts) AS fact)
        WHERE event_id = ANY(ARRAY(SELECT id FROM old)) AND facts @? '$[*].detail'
    )
    UPDATE events SET data = NULL, answers = NULL WHERE ctid = ANY(ARRAY(SELECT ctid FROM old))
""")

PRUNE_ENRICHMENTS = _delete("enrichments", "created_at", which="state IN ('done', 'failed')")

PRUNE_DELIVERED = _delete("outbound", "created_at", which="state = 'delivered'")

# A row without an update for so long waits for an endpoint that has left the rules, answers that it is gone, or
# accepted nothing in all that time; each try and each replay updates the row. `updated_at` is never before
# `created_at`, so the condition on `created_at` changes nothing and lets the statement use the index. The operator was
# informed of each failed row.
UNDELIVERED = """
    updated_at < statement_timestamp() - CAST(:age AS interval)
    AND (state IN ('waiting', 'failed') OR (state = 'sending' AND leased_until < statement_timestamp()))
"""
PRUNE_UNDELIVERED = text(f"""
    WITH gone AS (
        DELETE FROM outbound WHERE {_bite("outbound", "created_at", which=UNDELIVERED)}
        RETURNING endpoint, state
    )
    SELECT endpoint, count(*) AS rows, count(*) FILTER (WHERE state <> 'failed') AS unsent FROM gone GROUP BY endpoint
""")  # noqa: S608  # as above

# The latest row of an endpoint stays: without it, Segue would send again to an endpoint that answered that it is gone.
# The table has a row for each endpoint, URL and set of secrets, and no index.
PRUNE_STANDINGS = _delete(
    "outbound_endpoints",
    "GREATEST(last_success_at, last_error_at)",
    which="""
        EXISTS (
            SELECT FROM outbound_endpoints AS newer
            WHERE newer.endpoint = outbound_endpoints.endpoint
              AND GREATEST(newer.last_success_at, newer.last_error_at)
                  > GREATEST(outbound_endpoints.last_success_at, outbound_endpoints.last_error_at)
        )
    """,
)

PRUNE_EVENT_KEYS = _delete("event_keys", "seen_at")

# At most twenty rows for each source: no index.
PRUNE_REFUSED = _delete("refused_deliveries", "received_at")

# An intent whose period has passed can be taken again, with its row or without.
PRUNE_INTENTS = _delete("intents", "until")

PRUNE_RESERVATIONS = _delete("sender_reservations", "reserved_at")

PRUNE_AUDIT = _delete("audit", "at")

# The console judges by its own times: a row that has ended is never taken for one that has not.
PRUNE_CONSOLE_SESSIONS = _delete("console_sessions", "expires_at")
PRUNE_CONSOLE_LINKS = _delete("console_links", "expires_at")
PRUNE_CONSOLE_LOGINS = _delete("console_logins", "created_at")
# Few rows: no index. One that is worked on goes, too: its worker then writes nothing.
PRUNE_INVENTORIES = _delete("inventories", "asked_at")
PRUNE_CONSOLE_FORMS = _delete("console_forms", "sent_at")
# What operators asked for goes with the log that tells of it. One that is over has ended; few rows: no index.
PRUNE_JOBS = _delete("bulk_jobs", "finished_at")


async def prune(
    engine: AsyncEngine,
    *,
    retention: timedelta,
    dedupe: timedelta,
    audit: timedelta | None = None,
    expired: Callable[[str, int], None] = lambda _endpoint, _count: None,
    stopping: Callable[[], bool] = lambda: False,
) -> None:
    """Delete what has passed its retention, and log how many rows were deleted or emptied. Ends early when `stopping`.

    `retention` is for payloads (deliveries, event data), `dedupe` for the keys by which duplicates are known, `audit`
    for the audit log and for jobs that are over, None for good. `expired` receives each endpoint with the number of its
    deleted events that were not sent yet.
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
        (PRUNE_CONSOLE_SESSIONS, timedelta(0)),
        (PRUNE_CONSOLE_LINKS, timedelta(0)),
        (PRUNE_CONSOLE_LOGINS, timedelta(minutes=10)),
        (PRUNE_INVENTORIES, INVENTORY_LIFE),
        (PRUNE_CONSOLE_FORMS, FORM_LIFE),
    ]
    if audit is not None:
        ages += [(PRUNE_AUDIT, audit), (PRUNE_JOBS, audit)]
    rows = [await _prune_older(engine, statement, age, stopping) for statement, age in ages]
    unsent = await _prune_undelivered(engine, undelivered, expired, stopping)
    log.info("retention.swept", rows=sum(rows) + unsent)


async def _prune_older(engine: AsyncEngine, statement: TextClause, age: timedelta, stopping: Callable[[], bool]) -> int:
    total, gone = 0, BITE
    while gone == BITE and not stopping():
        async with engine.begin() as connection:
            gone = (await connection.execute(statement, {"age": age, "bite": BITE})).rowcount
        total += gone
    return total


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
                follows = "the endpoint never receives them"
                log.warning("outbound.expired", endpoint=row.endpoint, count=row.unsent, follows=follows)
                expired(row.endpoint, row.unsent)
    return total
