"""The sender ledger: how many enrollments an inbox sent in the last 24 hours, reserved before each request.

HubSpot allows about 1,000 enrollments per "portal inbox" and day (its sequences guide) and counts by rolling 24 hours.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import text

from app.policy.outcome import SenderGoneError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from app.model import Enrollment, Sender

DEFAULT_LIMIT = 1000
# HubSpot counts a request when it arrives, and we count it before it leaves. Were the next one of a place to travel for
# less time than the one before, it would meet a full inbox there, which is left alone for an hour then. So a place is
# kept for longer than 24 hours, by more than any request travels before it is given up.
PERIOD = timedelta(hours=24, minutes=2)
LOOK_AGAIN = timedelta(hours=1)  # at a sender that is paused: who resumes it wakes whoever waits for it

# The inbox row is the lock: who counts and who reserves do so one after the other.
LOCK_INBOX = text("""
    INSERT INTO inboxes (account, inbox) VALUES (:account, :inbox)
    ON CONFLICT (account, inbox) DO UPDATE SET inbox = excluded.inbox
""")

# A re-send of an enrollment that is counted already takes no second place. The sender may have been paused, or called
# full by HubSpot, since it was chosen: a hundred others may have been in hand between.
COUNT = text("""
    SELECT reserved, paused_at, reason, CASE WHEN full_until > clock_timestamp() THEN full_until END AS full_until,
           clock_timestamp() + CAST(:look_again AS interval) AS look_again_at
    FROM (
        SELECT count(*) AS reserved FROM sender_reservations
        WHERE account = :account AND inbox = :inbox AND reserved_at > clock_timestamp() - CAST(:period AS interval)
          AND enrollment_id <> :id
    ) AS counted
    LEFT JOIN sender_pauses ON sender_pauses.account = :account AND sender_pauses.inbox = :inbox
""")

# Who waits is spread over the places as they fall free, the oldest first: were all held until the first one, all would
# wake for it, and each would cost HubSpot calls to find that out. Where the cap was lowered since, only the newest are
# places, as many as it allows. Where there are fewer, one has fallen free meanwhile.
NEXT_FREE = text("""
    WITH ahead AS (
        SELECT count(*) AS waiting FROM enrollments
        WHERE state = 'held' AND reason = 'quota' AND account = :account AND lower(sender_email) = :inbox AND id <> :id
    ), cap AS (
        SELECT CAST(:limit AS bigint) AS places
    ), place AS (
        SELECT reserved_at + CAST(:period AS interval) * (1 + waiting / places) AS free_at
        FROM sender_reservations, ahead, cap
        WHERE account = :account AND inbox = :inbox AND reserved_at > clock_timestamp() - CAST(:period AS interval)
          AND enrollment_id <> :id
        ORDER BY reserved_at DESC OFFSET (SELECT places - 1 - waiting % places FROM ahead, cap) LIMIT 1
    )
    SELECT COALESCE((SELECT free_at FROM place), clock_timestamp()) AS free_at
""")

RESERVE = text("""
    INSERT INTO sender_reservations (enrollment_id, account, inbox, reserved_at)
    VALUES (:id, :account, :inbox, clock_timestamp())
    ON CONFLICT (enrollment_id) DO UPDATE SET reserved_at = excluded.reserved_at, inbox = excluded.inbox
""")

RELEASE = text("DELETE FROM sender_reservations WHERE enrollment_id = :id")


async def reserve(
    connection: AsyncConnection, enrollment: Enrollment, sender: Sender, *, limit: int = DEFAULT_LIMIT
) -> None:
    """Reserve a place for `enrollment` in its sender's inbox, in the caller's transaction.

    Raises SenderGoneError where the inbox is full or paused.
    """
    inbox = {"account": enrollment.account, "inbox": sender.email.lower()}
    await connection.execute(LOCK_INBOX, inbox)
    values = inbox | {"period": PERIOD, "id": enrollment.id, "look_again": LOOK_AGAIN}
    row = (await connection.execute(COUNT, values)).one()
    if row.paused_at is not None:
        raise SenderGoneError("sender_paused", row.look_again_at, f"{sender.name} is paused: {row.reason}")
    if row.full_until is not None:
        raise SenderGoneError("quota", row.full_until)
    if row.reserved >= limit:
        raise SenderGoneError("quota", await next_free(connection, enrollment, sender, limit=limit))
    await connection.execute(RESERVE, inbox | {"id": enrollment.id})


async def next_free(connection: AsyncConnection, enrollment: Enrollment, sender: Sender, *, limit: int) -> datetime:
    """Return when a place in a full inbox falls free for `enrollment`, behind those that wait for one already."""
    inbox = {"account": enrollment.account, "inbox": sender.email.lower()}
    values = inbox | {"period": PERIOD, "id": enrollment.id, "limit": limit}
    free_at: datetime = (await connection.execute(NEXT_FREE, values)).scalar_one()
    return free_at


async def release(connection: AsyncConnection, enrollment_id: str) -> None:
    """Give the place back: nothing was sent."""
    await connection.execute(RELEASE, {"id": enrollment_id})
