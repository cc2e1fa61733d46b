"""LEARN: which HubSpot account each of ours is, and when its day ends, from HubSpot itself.

Webhooks name the account that they come from by its id (HubSpot calls it the portal), and HubSpot counts requests by
the day of the account's own time zone. While a day is spent it answers nobody, so that this is asked ahead: as the
account begins to work, as its token changes, every day, and an hour later where there was no answer. What was learnt
is kept for all replicas, and for the next start.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

import structlog

from app.database.engine import STORE_TROUBLE
from app.errors import SegueError
from app.jobs import Loop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.model import Account

AGAIN_SECONDS = 3600.0
DAY_SECONDS = 86_400.0
TROUBLE = (SegueError, *STORE_TROUBLE)

log = structlog.get_logger(__name__)


class Details(Protocol):
    """What HubSpot says of an account."""

    @property
    def portal_id(self) -> str:
        """Its id."""

    @property
    def timezone(self) -> str | None:
        """In which time zone its day ends."""


class Record(Protocol):
    """Where that is kept."""

    async def learn(self, account: str, portal_id: str, timezone: str | None) -> None:
        """Keep what HubSpot said of an account."""

    async def timezone(self, account: str) -> str | None:
        """Return the time zone that was learnt of an account before."""


class Pace(Protocol):
    """What needs to know when the day ends."""

    @property
    def timezone(self) -> str | None:
        """In which time zone the day ends, None where that is not known."""

    def learn(self, timezone: str) -> bool:
        """Take HubSpot's word for it; tell whether there is such a time zone."""


class IdentityLearner:
    """Learns what one account is. `ask` returns what HubSpot says of it."""

    def __init__(self, account: Account, ask: Callable[[], Awaitable[Details]], record: Record, pace: Pace) -> None:
        self._account = account
        self._ask = ask
        self._record = record
        self._pace = pace
        self._remembered = False
        self._loop = Loop(
            self._once, every=AGAIN_SECONDS, store_trouble="account.not_learnt", defect="account.identity_defect"
        )

    def start(self) -> None:
        """Begin to ask."""
        self._loop.start()

    async def stop(self) -> None:
        """Stop asking."""
        await self._loop.stop()

    def heed(self, account: Account) -> None:
        """Take the latest configuration: another token may be another account's."""
        changed = account.token != self._account.token
        self._account = account
        if changed:
            self._loop.wake()

    async def _once(self) -> float:
        if not self._remembered:
            self._remembered = True
            await self.remember()
        return DAY_SECONDS if await self.learn() else AGAIN_SECONDS

    async def remember(self) -> None:
        """Go by what was learnt before: HubSpot may not answer now, as on a day that is spent."""
        with suppress(*TROUBLE):
            known = await self._record.timezone(self._account.name)
            if known is not None:
                self._pace.learn(known)

    async def learn(self) -> bool:
        """Ask once; tell whether everything is known now."""
        try:
            told = await self._ask()
            await self._record.learn(self._account.name, told.portal_id, told.timezone)
        except TROUBLE as error:
            log.info("account.not_learnt", account=self._account.name, error=str(error))
            return False
        known = told.timezone is not None and self._pace.learn(told.timezone)
        log.info(
            "account.learnt",
            account=self._account.name,
            portal_id=told.portal_id,
            timezone=told.timezone,
            timezone_known=known,
        )
        return self._pace.timezone is not None
