"""What a command beside the service needs to ask HubSpot: the accounts of the rules, their tokens, and a pace.

A running `serve` is not needed. Where its database can be asked, its pace is kept, and the grants of accounts that join
by OAuth are there; without it an account with a token is asked slowly.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import httpx
from sqlalchemy.exc import SQLAlchemyError

from app.doctor.report import Visit
from app.errors import NotSent, StartError
from app.hubspot.client import HubSpotClient
from app.hubspot.local_pace import LocalPace
from app.oauth import OAuth, open_oauth
from app.service import open_database
from app.standings import Standings
from app.store.database import first_line
from app.store.migrate import require_migrated
from app.store.pace import StoredPace
from app.store.senders import SenderBooks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.hubspot.client import CallRecord
    from app.hubspot.pace import Pace
    from app.model import Account
    from app.rules.book import Rulebook
    from app.settings import Settings
    from app.standings import Standing

VISIT_SECONDS = 10.0
NOBODY = "segue-doctor-looks-whether-it-is-reached"
NOT_RECEIVED = b'{"received":false,"id":"dlv_'  # as deliveries that are turned away are answered


def unobserved(_: CallRecord) -> None:
    """Take no note of a call: a command tells its result, and nothing else."""


@dataclass(frozen=True, slots=True)
class AtHand:
    """What one command has. `trouble` says why the database cannot be asked, None where it can."""

    settings: Settings
    stack: AsyncExitStack
    engine: AsyncEngine | None
    oauth: OAuth | None
    trouble: str | None

    async def client(self, account: Account, observe: Callable[[CallRecord], None] = unobserved) -> HubSpotClient:
        """Return what asks HubSpot as this account."""
        token = partial(self._token, account) if account.oauth else account.token
        client = HubSpotClient(
            account.name,
            token,
            pace=self._pace(account),
            observe=observe,
            base_url=str(self.settings.hubspot_base_url).rstrip("/"),
            version=self.settings.hubspot_api_version,
        )
        return await self.stack.enter_async_context(client)

    async def granted(self, account: Account) -> tuple[str, ...]:
        """Return the scopes that an account's grant has. Raises NotSent where the store cannot tell."""
        for grant in await self.oauth.grants.listed() if self.oauth else ():
            if grant["account"] == account.name:
                return tuple(grant["scopes"])
        raise NotSent(f"the grant of {account.name!r} cannot be read")

    async def standings(self, book: Rulebook, account: Account) -> dict[str, Standing]:
        """Return how each sender stands in this account, nothing where the database cannot be asked. Raises Busy."""
        if self.engine is None:
            return {}
        standings = await Standings(SenderBooks(self.engine), lambda: book).all()
        return {one.name: one for one in standings if one.account == account.name}

    async def _token(self, account: Account) -> str:
        if self.oauth is None:
            why = self.trouble or "no app is configured"
            raise NotSent(f"the grant of {account.name!r} is in the database, and that cannot be asked: {why}")
        return await self.oauth.token(account.name)

    def _pace(self, account: Account) -> Pace:
        if self.engine is None:
            return LocalPace()
        settings = self.settings
        pace = StoredPace(
            self.engine,
            account=account.name,
            cap=account.per_10s,
            headroom=settings.rate_headroom,
            window_ms=settings.rate_window_ms,
        )
        pace.heed(account)
        self.stack.push_async_callback(pace.close)
        return pace


@asynccontextmanager
async def at_hand(settings: Settings) -> AsyncIterator[AtHand]:
    """Open what there is. Raises StartError for settings that cannot work."""
    async with AsyncExitStack() as stack:
        engine, trouble = await _engine(stack, settings)
        oauth = None
        if engine is not None:
            base_url = str(settings.hubspot_base_url).rstrip("/")
            oauth = await open_oauth(stack, settings, engine, base_url=base_url, observe=unobserved)
        yield AtHand(settings, stack, engine, oauth, trouble)


async def _engine(stack: AsyncExitStack, settings: Settings) -> tuple[AsyncEngine | None, str | None]:
    """Return the database, or why it cannot be asked."""
    try:
        engine = await open_database(stack, settings, settings.data_dir, own=False)
        await require_migrated(engine)
    except StartError as error:
        return None, str(error)
    except (SQLAlchemyError, OSError) as error:
        return None, first_line(error)
    return engine, None


async def visited(url: str) -> Visit:
    """Return how a delivery is answered at the public address. It is of no source: nothing is kept of it."""
    try:
        async with httpx.AsyncClient(timeout=VISIT_SECONDS) as client:
            answer = await client.post(f"{url.rstrip('/')}/webhooks/{NOBODY}", content=b"{}")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Visit(type(error).__name__, ours=False)
    return Visit(str(answer.status_code), ours=answer.content.startswith(NOT_RECEIVED))
