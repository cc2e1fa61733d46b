"""What every process of Segue has: settings, database, metrics, the rulebook in force, and what asks HubSpot.

A room's `wiring` builds the room over a `Process`, which knows no room above it.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from app import __version__
from app.accounts.sandbox_mode import (
    SANDBOX,
    TOKEN,
    is_practice,
    practice_accounts,
    practice_environment,
    require_apart,
    start_sandbox,
)
from app.accounts.wiring import missing_settings, open_oauth
from app.database.embedded import EmbeddedPostgres, attach
from app.database.embedded.keep_running import keep_running
from app.database.engine import open_engine, require_server
from app.database.installation import shared_key
from app.database.listen import GRANT_CHANGED, RULEBOOK_CHANGED, Notifications
from app.database.retention import sweep
from app.errors import Mistake, RulebookError
from app.hubspot.client import HubSpotClient
from app.hubspot.observe import CallObserver
from app.hubspot.rate_limit_store import StoredRateLimit
from app.jobs import Loop
from app.model import Account
from app.observability.logs import hash_email
from app.observability.metrics import Metrics
from app.rules.active import ActiveRulebook
from app.rules.load import load, read_documents
from app.rules.store import RulebookStore, unfinished_elsewhere
from app.sources import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.accounts.oauth import OAuth
    from app.hubspot.batched import BatchedHubSpot
    from app.hubspot.client import CallRecord
    from app.hubspot.rate_limit import RateLimit
    from app.rules.rulebook import Document, Rulebook
    from app.settings import Settings

SENDING_CONNECTIONS = 4
RULEBOOK_SECONDS = 10.0
SWEEP_SECONDS = 3600.0


@dataclass(slots=True)
class ActiveAccount:
    """One HubSpot account at work in this process. `stack` ends its work; `configured` are called with each change."""

    account: Account
    stack: AsyncExitStack
    rate_limit: StoredRateLimit
    client: HubSpotClient
    hubspot: BatchedHubSpot
    configured: list[Callable[[Account], None]] = field(default_factory=list)

    def configure(self, account: Account) -> None:
        """Take the latest configuration of the account."""
        self.account = account
        for callback in self.configured:
            callback(account)


@dataclass(slots=True)
class Process:
    """One process of Segue. `stack` ends what it started; `accounts` are those at work here, by name.

    `practice` says that its HubSpot is the sandbox that it has started itself.

    `sending_engine` has connections of its own for what a request waits for once it has its permit, which is void after
    half a second: in the pool of everything else it would wait behind hundreds of enrollments in preparation.
    """

    settings: Settings
    stack: AsyncExitStack
    engine: AsyncEngine
    sending_engine: AsyncEngine
    metrics: Metrics
    rulebook: ActiveRulebook
    base_url: str
    oauth: OAuth | None
    practice: bool
    name: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}")
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    accounts: dict[str, ActiveAccount] = field(default_factory=dict)
    _handlers: dict[str, list[Callable[[], None]]] = field(default_factory=dict)

    def book(self) -> Rulebook:
        """Return the rulebook in force, in a process that has one."""
        if self.rulebook.book is None:
            raise AssertionError("no rulebook is in force yet")
        return self.rulebook.book

    async def hasher(self) -> Callable[[str], str]:
        """Return the hash that stands for a person in logs: the same in every process, with a key that never leaves."""
        return partial(hash_email, key=await shared_key(self.engine, "person"))

    def subscribe(self, channel: str, handler: Callable[[], None]) -> None:
        """Call `handler` whenever another process notifies `channel`."""
        self._handlers.setdefault(channel, []).append(handler)

    def run(self, loop: Loop, *, channel: str | None = None) -> None:
        """Run a loop until the process ends, which waits for a run that is under way. `channel` wakes it."""
        if channel is not None:
            self.subscribe(channel, loop.wake)
        loop.start()
        self.stack.push_async_callback(loop.stop, finish=True)

    def keep_up(self) -> None:
        """Follow what other processes commit, and sweep what may be forgotten."""
        follow = Loop(
            self.rulebook.look,
            every=RULEBOOK_SECONDS,
            store_trouble="rulebook.not_followed",
            defect="rulebook.defect",
        )
        settings = self.settings
        once = partial(
            sweep,
            self.engine,
            self.stopping.is_set,
            retention=timedelta(days=settings.retention_days),
            dedupe=timedelta(days=settings.dedupe_days),
            expired=partial(self.metrics.outbound, outcome="expired"),
        )
        sweeping = Loop(once, every=SWEEP_SECONDS, store_trouble="retention.not_swept", defect="retention.defect")
        self.run(follow, channel=RULEBOOK_CHANGED)
        self.run(sweeping)
        if self.oauth is not None:
            self.subscribe(GRANT_CHANGED, self.oauth.changed)
        notifications = Notifications(self.engine.url, {name: partial(self._notify, name) for name in self._handlers})
        notifications.start()
        self.stack.push_async_callback(notifications.close)

    def _notify(self, channel: str) -> None:
        for handler in self._handlers[channel]:
            handler()

    async def begin(self) -> None:
        """Seal grants with the newest key, and keep practice apart, in a migrated database. Raises StartError."""
        if self.oauth is not None:
            await self.oauth.rotate()
        require_apart(await RulebookStore(self.engine).accounts(), practice=self.practice)

    def rate_limit(self, stack: AsyncExitStack, account: Account) -> StoredRateLimit:
        """Return the rate limit of an account, which all replicas share."""
        return open_rate_limit(stack, self.sending_engine, self.settings, account)

    async def client(
        self, stack: AsyncExitStack, name: str, rate_limit: RateLimit, latest: Callable[[], Account]
    ) -> HubSpotClient:
        """Return what asks HubSpot as the account `name`.

        `latest` returns its latest configuration, so that a new token is used at once.
        """

        def token() -> str | Awaitable[str]:
            configured = latest()
            if configured.oauth and self.oauth is not None:
                return self.oauth.token(configured.name)
            return configured.token

        observe = CallObserver(self.metrics).call
        return await open_client(stack, self.settings, name, token, rate_limit, observe=observe, base_url=self.base_url)


@asynccontextmanager
async def open_process(
    settings: Settings, environment: Mapping[str, str], *, own_database: bool, with_sandbox: bool
) -> AsyncIterator[Process]:
    """Open what every process has, and end what it started. Raises StartError."""
    async with AsyncExitStack() as stack:
        engine = await open_database(stack, settings, data_dir(settings, practice=with_sandbox), own=own_database)
        sending_engine = open_engine(engine.url, pool_size=SENDING_CONNECTIONS, idle_seconds=settings.lease_seconds / 2)
        stack.push_async_callback(sending_engine.dispose)
        base_url = await start_sandbox(stack) if with_sandbox else str(settings.hubspot_base_url).rstrip("/")
        metrics = Metrics(__version__)
        rulebook = ActiveRulebook(
            RulebookStore(engine),
            read=partial(read_documents, settings.config),
            load=partial(load_rulebook, settings=settings, environment=environment, sandbox=with_sandbox),
            unfinished=partial(unfinished_elsewhere, engine),
            metrics=metrics,
        )
        # Practice accounts have the emulator's tokens, whatever else lets the rules' accounts in.
        observe = CallObserver(metrics).call
        oauth = None if with_sandbox else await open_oauth(stack, settings, engine, base_url=base_url, observe=observe)
        yield Process(
            settings, stack, engine, sending_engine, metrics, rulebook, base_url, oauth, practice=with_sandbox
        )


def load_rulebook(
    documents: tuple[Document, ...], *, settings: Settings, environment: Mapping[str, str], sandbox: bool
) -> Rulebook:
    """Make a Rulebook of its text. With the sandbox its accounts are the emulator's, whatever the rules name."""
    token = settings.hubspot_token.get_secret_value() if settings.hubspot_token else None
    if sandbox:
        environment, token = practice_environment(environment), TOKEN
    account = Account("main", token) if token else None
    book = load(documents, environment=environment, providers=PROVIDERS, default_account=account)
    if sandbox:
        return replace(book, accounts=practice_accounts(book.accounts))
    if any(is_practice(name) for name in book.accounts):
        message = f"accounts: {SANDBOX!r} is the emulator's name; choose another one for a real account"
        raise RulebookError((Mistake(documents[0].file, 1, 1, message),))
    if any(account.oauth for account in book.accounts.values()) and missing_settings(settings):
        message = f"accounts: those that join by OAuth need {', '.join(missing_settings(settings))}"
        raise RulebookError((Mistake(documents[0].file, 1, 1, message),))
    return book


def data_dir(settings: Settings, *, practice: bool) -> Path:
    """Return where the private database is; practice has a place of its own where the operator names none."""
    folder, named = settings.data_dir, "data_dir" in settings.model_fields_set
    return folder.with_name(f"{folder.name}-practice") if practice and not named else folder


async def open_database(stack: AsyncExitStack, settings: Settings, data_dir: Path, *, own: bool) -> AsyncEngine:
    """Open the operator's database, or the private one: started (`own`), or attached to."""
    if settings.database_url is not None:
        url = settings.database_url.get_secret_value()
    elif own:
        server = await asyncio.to_thread(EmbeddedPostgres.open, data_dir)
        stack.push_async_callback(asyncio.to_thread, server.close)
        _keep_running(stack, server)
        url = server.url
    else:
        url = await asyncio.to_thread(attach, data_dir)
    # A replica that is frozen in the middle of a transaction must not hold the others up for longer than its lease.
    engine = open_engine(url, idle_seconds=settings.lease_seconds / 2)
    stack.push_async_callback(engine.dispose)
    await require_server(engine)
    return engine


def _keep_running(stack: AsyncExitStack, server: EmbeddedPostgres) -> None:
    ended = asyncio.Event()
    watch = asyncio.create_task(keep_running(server, ended), name="database")

    async def end() -> None:
        ended.set()
        await watch

    stack.push_async_callback(end)


def open_rate_limit(
    stack: AsyncExitStack, engine: AsyncEngine, settings: Settings, account: Account
) -> StoredRateLimit:
    """Return the rate limit of an account over `engine`; `stack` closes it."""
    rate_limit = StoredRateLimit(
        engine,
        account=account.name,
        cap=account.per_10s,
        headroom=settings.rate_headroom,
        window_ms=settings.rate_window_ms,
    )
    rate_limit.configure(account)
    stack.push_async_callback(rate_limit.close)
    return rate_limit


async def open_client(
    stack: AsyncExitStack,
    settings: Settings,
    account: str,
    token: str | Callable[[], str | Awaitable[str]],
    rate_limit: RateLimit,
    *,
    observe: Callable[[CallRecord], None],
    base_url: str,
) -> HubSpotClient:
    """Return what asks HubSpot as an account; `stack` closes it."""
    client = HubSpotClient(
        account, token, rate_limit=rate_limit, observe=observe, base_url=base_url, version=settings.hubspot_api_version
    )
    stack.push_async_callback(client.aclose)
    return client
