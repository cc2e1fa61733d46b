"""LEARN: the portal id and the time zone of each account, from HubSpot.

Webhooks name their account by its id (HubSpot calls it the portal), and HubSpot counts requests by the day of the
account's time zone. While a day is spent HubSpot answers no request, so that both are read ahead: when the account
begins to work, when its token changes, every day, and an hour later where there was no answer. The database keeps them
for all replicas and for the next start.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from app.database.engine import STORE_TROUBLE
from app.errors import SegueError
from app.jobs import Loop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.accounts.identity_store import IdentityStore
    from app.hubspot.api.account import AccountDetails
    from app.hubspot.rate_limit_store import StoredRateLimit
    from app.model import Account

AGAIN_SECONDS = 3600.0
DAY_SECONDS = 86_400.0
TROUBLE = (SegueError, *STORE_TROUBLE)

log = structlog.get_logger(__name__)


class IdentityLearner:
    """Learns the identity of one account, again and again in `loop`. `ask` returns HubSpot's details of it."""

    def __init__(
        self,
        account: Account,
        ask: Callable[[], Awaitable[AccountDetails]],
        store: IdentityStore,
        rate_limit: StoredRateLimit,
    ) -> None:
        self._account = account
        self._ask = ask
        self._store = store
        self._rate_limit = rate_limit
        self._remembered = False
        self.loop = Loop(
            self._once, every=AGAIN_SECONDS, store_trouble="account.not_learnt", defect="account.identity_defect"
        )

    def configure(self, account: Account) -> None:
        """Take the latest configuration: a new token may belong to another account."""
        changed = account.token != self._account.token
        self._account = account
        if changed:
            self.loop.wake()

    async def _once(self) -> float:
        if not self._remembered:
            self._remembered = True
            await self.remember()
        return DAY_SECONDS if await self.learn() else AGAIN_SECONDS

    async def remember(self) -> None:
        """Use the stored time zone: HubSpot may not answer now, as on a day that is spent."""
        with suppress(*TROUBLE):
            known = await self._store.timezone(self._account.name)
            if known is not None:
                self._rate_limit.adopt_timezone(known)

    async def learn(self) -> bool:
        """Ask once; return whether everything is known now."""
        try:
            details = await self._ask()
            await self._store.learn(self._account.name, details.portal_id, details.timezone)
        except TROUBLE as error:
            log.info("account.not_learnt", account=self._account.name, error=str(error))
            return False
        known = details.timezone is not None and self._rate_limit.adopt_timezone(details.timezone)
        log.info(
            "account.learnt",
            account=self._account.name,
            portal_id=details.portal_id,
            timezone=details.timezone,
            timezone_known=known,
        )
        return self._rate_limit.timezone is not None
