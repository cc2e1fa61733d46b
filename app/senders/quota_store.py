"""The sender ledger: how many enrollments an inbox has sent in the last 24 hours; `sending` reserves a place.

HubSpot allows about 1,000 enrollments per "portal inbox" and day (its sequences guide) and counts by rolling 24 hours.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from app.database.direct import DirectConnection, DirectPool
    from app.model import Enrollment, Sender

DEFAULT_LIMIT = 1000
# HubSpot counts a request when it arrives, and we count it before it is sent. A request that reuses a place and travels
# faster than the request before it would find the inbox full, and the sender would then wait for an hour. So a place is
# reserved for longer than 24 hours, by more than the time after which a request is given up.
PERIOD = timedelta(hours=24, minutes=2)
RECHECK_AFTER = timedelta(hours=1)  # for a paused sender; resuming it releases the enrollments that wait for it

# Waiting enrollments are spread over the places as these become free, the oldest first: if all were held until the
# first place, all would become ready for it, and each would spend HubSpot calls to find it taken. Where the cap was
# lowered since, only the newest reservations are places, as many as it allows. Where there are fewer reservations, a
# place has become free meanwhile.
NEXT_FREE = text("""
    WITH ahead AS (
        SELECT count(*) + CAST(:behind AS bigint) AS waiting FROM enrollments
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


async def next_free(
    connection: DirectConnection | DirectPool, enrollment: Enrollment, sender: Sender, *, limit: int, behind: int = 0
) -> datetime:
    """Return when a place in a full inbox becomes free for `enrollment`, after those that wait for one already.

    `behind` more, which are not written yet, wait before it.
    """
    inbox = {"account": enrollment.account, "inbox": sender.email.lower()}
    values = inbox | {"period": PERIOD, "id": enrollment.id, "limit": limit, "behind": behind}
    (row,) = await connection.fetch(NEXT_FREE, values)
    free_at: datetime = row["free_at"]
    return free_at
