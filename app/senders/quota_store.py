"""The sender ledger: how many enrollments an inbox sent in the last 24 hours, reserved with `sending`.

HubSpot allows about 1,000 enrollments per "portal inbox" and day (its sequences guide) and counts by rolling 24 hours.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from app.model import Enrollment, Sender

DEFAULT_LIMIT = 1000
# HubSpot counts a request when it arrives, and we count it before it leaves. Were the next one of a place to travel for
# less time than the one before, it would meet a full inbox there, which is left alone for an hour then. So a place is
# kept for longer than 24 hours, by more than any request travels before it is given up.
PERIOD = timedelta(hours=24, minutes=2)
RECHECK_AFTER = timedelta(hours=1)  # at a sender that is paused: who resumes it wakes whoever waits for it

# Who waits is spread over the places as they fall free, the oldest first: were all held until the first one, all would
# wake for it, and each would cost HubSpot calls to find that out. Where the cap was lowered since, only the newest are
# places, as many as it allows. Where there are fewer, one has fallen free meanwhile.
NEXT_FREE = text("""
    WITH ahead AS (
        SELECT count(*) AS waiting FROM enrollments
        WHERE state = 'held' AND reason = 'quota' AND account = :account AND sender_email = :inbox AND id <> :id
    ), cap AS (
        SELECT CAST(:limit AS bigint) AS places
    ), place AS (
        SELECT reserved_at + CAST(:period AS interval) * (1 + waiting / places) AS free_at
        FROM sender_reservations, ahead, cap
        WHERE account = :account AND inbox = :inbox AND reserved_at > statement_timestamp() - CAST(:period AS interval)
          AND enrollment_id <> :id
        ORDER BY reserved_at DESC OFFSET (SELECT places - 1 - waiting % places FROM ahead, cap) LIMIT 1
    )
    SELECT COALESCE((SELECT free_at FROM place), clock_timestamp()) AS free_at
""")

RELEASE = text("DELETE FROM sender_reservations WHERE enrollment_id = :id")


async def next_free(connection: AsyncConnection, enrollment: Enrollment, sender: Sender, *, limit: int) -> datetime:
    """Return when a place in a full inbox falls free for `enrollment`, behind those that wait for one already."""
    inbox = {"account": enrollment.account, "inbox": sender.email.lower()}
    values = inbox | {"period": PERIOD, "id": enrollment.id, "limit": limit}
    free_at: datetime = (await connection.execute(NEXT_FREE, values)).scalar_one()
    return free_at


async def release(connection: AsyncConnection, enrollment_id: str) -> None:
    """Give the place back: nothing was sent."""
    await connection.execute(RELEASE, {"id": enrollment_id})
