"""What a command needs to call HubSpot: the accounts of the rules, their tokens, and a rate limit.

A running `serve` is not needed. Where its database can be reached, commands share its rate limit and the grants of
accounts that join by OAuth; without it an account with a token is called slowly.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import uvloop

from app import __version__
from app.accounts.oauth import OAuth
from app.accounts.wiring import open_oauth
from app.audit.act import acting, command_act
from app.cli.service_database import service_database
from app.database.direct import DirectPool
from app.database.engine import STORE_TROUBLE, busy_when_gone, first_line
from app.database.migrate import require_migrated
from app.database.wiring import database_url, open_database
from app.errors import NotSent, StartError
from app.hubspot.local_rate_limit import LocalRateLimit
from app.hubspot.observe import observe_call
from app.hubspot.wiring import open_client, open_rate_limit
from app.intake.rejected_store import StoredDelivery, find_delivery
from app.observability.metrics import Metrics
from app.rules.compile.accounts import joining_by_oauth
from app.rules.file.documents import text_to_documents
from app.rules.store import RulebookStore
from app.senders.pause_store import SenderPauseStore
from app.senders.status import SenderStatuses

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.accounts.connect import Disconnected
    from app.hubspot.client import CallRecord, HubSpotClient
    from app.hubspot.rate_limit import RateLimit
    from app.model import Account
    from app.rules.rulebook import Rulebook
    from app.senders.status import SenderStatus
    from app.settings import Settings

T = TypeVar("T")


def unobserved(_: CallRecord) -> None:
    """Discard call records: commands print only their result."""


@dataclass(frozen=True, slots=True)
class CommandSession:
    """What one command has open. `trouble` says why the database cannot be reached, None where it can."""

    settings: Settings
    stack: AsyncExitStack
    engine: AsyncEngine | None
    oauth: OAuth | None
    trouble: str | None

    async def client(self, account: Account, observe: Callable[[CallRecord], None] = unobserved) -> HubSpotClient:
        """Return a client that calls HubSpot as this account."""
        token = partial(self._token, account) if account.oauth else account.token
        return await open_client(
            self.stack,
            self.settings,
            account.name,
            token,
            self._rate_limit(account),
            observe=observe,
            base_url=self.settings.hubspot_url,
            renew=partial(self._refused, account),
        )

    async def granted(self, account: Account) -> tuple[str, ...]:
        """Return the scopes that an account's grant has. Raises NotSent where it cannot be read."""
        for grant in await self.oauth.grants.listed() if self.oauth else ():
            if grant["account"] == account.name:
                return tuple(grant["scopes"])
        raise NotSent(f"the grant of {account.name!r} cannot be read")

    async def sender_statuses(self, book: Rulebook, account: Account) -> dict[str, SenderStatus]:
        """Return the status of each sender in this account, empty where the database cannot be reached. Raises Busy."""
        if self.engine is None:
            return {}
        statuses = await SenderStatuses(SenderPauseStore(self.engine), lambda: book).all()
        return {one.name: one for one in statuses if one.account == account.name}

    async def _token(self, account: Account) -> str:
        if self.oauth is None:
            why = self.trouble or "no app is configured"
            raise NotSent(f"the grant of {account.name!r} is in the database, and that cannot be asked: {why}")
        return await self.oauth.token(account.name)

    def _refused(self, account: Account, token: str) -> bool:
        return account.oauth and self.oauth is not None and self.oauth.refused(account.name, token)

    def _rate_limit(self, account: Account) -> RateLimit:
        if self.engine is None:
            return LocalRateLimit()
        pool = DirectPool(self.engine.url, size=1)
        self.stack.push_async_callback(pool.close)
        return open_rate_limit(self.stack, pool, self.settings, account)


@asynccontextmanager
async def open_session(settings: Settings) -> AsyncIterator[CommandSession]:
    """Open what can be opened. Raises StartError for invalid settings."""
    async with AsyncExitStack() as stack:
        engine, trouble = await engine_if_reachable(stack, settings)
        oauth = None
        if engine is not None:
            oauth = await open_oauth(stack, settings, engine, base_url=settings.hubspot_url, observe=unobserved)
        yield CommandSession(settings, stack, engine, oauth, trouble)


async def engine_if_reachable(stack: AsyncExitStack, settings: Settings) -> tuple[AsyncEngine | None, str | None]:
    """Return the database, or why it cannot be reached."""
    try:
        engine = await open_database(stack, settings, database_url(settings, settings.data_dir))
        await require_migrated(engine)
    except StartError as error:
        return None, str(error)
    except STORE_TROUBLE as error:
        return None, first_line(error)
    return engine, None


async def stored_delivery(settings: Settings, id_: str, source: str, *, practice: bool) -> StoredDelivery | None:
    """Return a stored delivery by its id, or the last rejected one of a source."""
    async with service_database(settings, practice=practice) as engine:
        return await find_delivery(engine, id_, source)


async def install_link(settings: Settings, account: str, *, hours: float) -> str:
    """Return a link with which a person may connect `account` to HubSpot, within `hours`. Raises StartError."""
    async with _oauth_alone(settings) as (oauth, engine):
        stored = await RulebookStore(engine).in_force()
        joining = joining_by_oauth(text_to_documents(stored.documents)) if stored else []
        if account not in joining:
            names = ", ".join(joining) or "none yet"
            raise StartError(f"no account {account!r} joins by OAuth in the rules in force; there are: {names}")
        with acting(command_act("hubspot install")):
            return await oauth.connector.link(account, seconds=hours * 3600)


async def disconnect(settings: Settings, account: str) -> Disconnected:
    """Give an account's grant back; return the outcome. Raises StartError."""
    async with _oauth_alone(settings) as (oauth, _):
        with acting(command_act("hubspot disconnect")):
            return await oauth.connector.disconnect(account)


@asynccontextmanager
async def _oauth_alone(settings: Settings) -> AsyncIterator[tuple[OAuth, AsyncEngine]]:
    """Open what connects accounts, for one command."""
    async with AsyncExitStack() as stack:
        engine = await open_database(stack, settings, database_url(settings, settings.data_dir))
        await require_migrated(engine)
        observe = partial(observe_call, Metrics(__version__))
        oauth = await open_oauth(stack, settings, engine, base_url=settings.hubspot_url, observe=observe)
        if oauth is None:
            raise StartError(f"accounts that join by OAuth need {', '.join(settings.missing_for_oauth)}")
        yield oauth, engine


def run_session(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run what a command asks of the database or HubSpot; return its result. Raises Busy where the store fails."""

    async def run() -> T:
        with busy_when_gone():
            return await coroutine

    return uvloop.run(run())
