"""Follow-up, put together: one loop for each account at work."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from app.clock import utc_now
from app.database.listen import HINTS_READY
from app.followup.contacts import HubSpotEnds
from app.followup.follow import Follower
from app.followup.store import FollowupStore
from app.jobs import Loop

if TYPE_CHECKING:
    from app.process import ActiveAccount, Process

LOOP_SECONDS = 5.0


async def start(process: Process, active: ActiveAccount) -> None:
    """Start the loop that follows the account's enrollments to their end in HubSpot."""
    settings, name = process.settings, active.account.name
    store = FollowupStore(
        process.engine,
        account=name,
        worker=f"{process.name}:{name}",
        calls_per_hour=settings.follow_calls_per_hour,
        endpoints=process.rulebook.endpoints_for,
    )
    follower = Follower(
        name,
        store,
        HubSpotEnds(active.client),
        seconds=settings.follow_seconds,
        span=timedelta(days=settings.follow_days),
        now=utc_now,
        metrics=process.metrics,
    )
    loop = Loop(follower.follow, every=LOOP_SECONDS, store_trouble="following.store_trouble", defect="following.defect")
    loop.start()
    active.stack.push_async_callback(loop.stop)
    process.subscribe(HINTS_READY, loop.wake)
