"""LEARN: when an account's day ends, from HubSpot itself, where the rules do not say.

HubSpot counts requests by the day of the account's own time zone. While a day is spent it answers nobody, so that this
is asked ahead: once for each account at work, and again an hour later where there was no answer. Where the rules name a
time zone nobody is asked, as long as they do.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.errors import SegueError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

AGAIN_SECONDS = 3600.0

log = structlog.get_logger(__name__)


class Pace(Protocol):
    """What needs to know when the day ends."""

    @property
    def timezone(self) -> str | None:
        """In which time zone the day ends, None where that is not known."""

    def learn(self, timezone: str) -> bool:
        """Take HubSpot's word for it; tell whether there is such a time zone."""


class DayEnds:
    """Learns one account's time zone. `ask` returns what HubSpot says, None where it says nothing.

    Whether there is something to ask is looked at every `again_seconds`: a reload may drop what the rules said.
    """

    def __init__(
        self,
        account: str,
        ask: Callable[[], Awaitable[str | None]],
        pace: Pace,
        *,
        again_seconds: float = AGAIN_SECONDS,
    ) -> None:
        self._account = account
        self._ask = ask
        self._pace = pace
        self._again_seconds = again_seconds
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to ask."""
        self._task = asyncio.create_task(self.until_known(), name="day-ends")

    async def stop(self) -> None:
        """Stop asking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def until_known(self) -> None:
        """Ask until HubSpot has said it; not at all while the rules do."""
        while True:
            if self._pace.timezone is None and await self.learn():
                return
            await asyncio.sleep(self._again_seconds)

    async def learn(self) -> bool:
        """Ask once; tell whether it is known now."""
        try:
            told = await self._ask()
        except (SegueError, SQLAlchemyError, OSError) as error:
            log.info("account.timezone_not_learnt", account=self._account, error=str(error))
            return False
        known = told is not None and self._pace.learn(told)
        log.info("account.timezone", account=self._account, timezone=told, known=known)
        return known
