"""The loop around `app.follow`: one for each account at work."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.store.database import first_line

if TYPE_CHECKING:
    from app.follow import Follower

BEAT_SECONDS = 5.0
STORE_TROUBLE = (SQLAlchemyError, OSError, TimeoutError)

log = structlog.get_logger(__name__)


class FollowingLoop:
    """Lets a follower look whether something is due, at every beat."""

    def __init__(self, follower: Follower, *, beat: float = BEAT_SECONDS) -> None:
        self._follower = follower
        self._beat = beat
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to follow."""
        self._loop = asyncio.create_task(self._follow_for_ever(), name="following")

    async def stop(self) -> None:
        """Give up what is being looked at: nothing is lost, it is due again."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)

    async def _follow_for_ever(self) -> None:
        while True:
            try:
                await self._follower.follow()
            except STORE_TROUBLE as error:
                log.warning("following.store_trouble", error=first_line(error))
            except Exception:
                # A loop that ends leaves everybody unfollowed, and nobody would notice.
                log.exception("following.defect")
            await asyncio.sleep(self._beat)
