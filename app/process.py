"""What every process of Segue has: settings, database, metrics, the rulebook in force, and clients of HubSpot.

A room's `wiring` builds the room over a `Process`, which knows no room above it.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from app import __version__
from app.accounts.sandbox_mode import require_apart
from app.accounts.wiring import open_oauth
from app.clock import utc_now
from app.database.direct import DirectPool
from app.database.embedded.layout import Layout
from app.database.embedded.wiring import data_dir
from app.database.history import prune_history
from app.database.installation import shared_key
from app.database.listen import GRANT_CHANGED, IDLE_POLL_SECONDS, RULEBOOK_CHANGED, Notifications
from app.database.restores import Restores, files_of
from app.database.retention import prune
from app.database.wiring import log_server, open_database
from app.hubspot.observe import observe_call
from app.hubspot.wiring import open_client, open_rate_limit
from app.ids import Ids
from app.jobs import Loop
from app.observability.logs import hash_email
from app.observability.metrics import Metrics
from app.observability.shared_metrics import share_metrics
from app.observability.unknown_paths import UnknownPaths
from app.people.forget import Forgetter
from app.people.forget_store import ForgetStore
from app.rules.active import ActiveRulebook
from app.rules.file.documents import read_documents
from app.rules.store import RulebookStore, unfinished_elsewhere
from app.rules.wiring import load_rulebook
from app.variables import variable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.accounts.oauth import OAuth
    from app.hubspot.batched import BatchedHubSpot
    from app.hubspot.client import CallRecord, HubSpotClient
    from app.hubspot.rate_limit import RateLimit
    from app.hubspot.rate_limit_store import StoredRateLimit
    from app.model import Account, Delivery, Response
    from app.observability.shared import Shared
    from app.rules.rulebook import Rulebook
    from app.settings import Settings

POOL_CONNECTIONS, URGENT_CONNECTIONS = 3, 2
PERMITS_AHEAD = 2  # an enrollment that is alone writes its contact, reads it, and enrolls it
SWEEP_SECONDS = 3600.0


@dataclass(slots=True)
class ActiveAccount:
    """One HubSpot account at work in this process. `stack` ends its work; `configured` receive each change."""

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

    `practice` says that its HubSpot is the sandbox that the service has started itself. `shared` is what it has in
    common with the other processes of its service, None where it runs alone.

    `receive` returns the answer to a delivery that this process itself makes, None where it receives none.

    `variable` reads a variable of the environment, or its file, as it is now.

    `pool` is for the statements of enrolling. `urgent_pool` has its own connections for those between a permit and its
    request: a permit expires after half a second.
    """

    settings: Settings
    stack: AsyncExitStack
    engine: AsyncEngine
    pool: DirectPool
    urgent_pool: DirectPool
    metrics: Metrics
    rulebook: ActiveRulebook
    base_url: str
    oauth: OAuth | None
    unknown_paths: UnknownPaths
    variable: Callable[[str], str | None] = field(repr=False)
    practice: bool
    shared: Shared | None = None
    receive: Callable[[Delivery], Awaitable[Response]] | None = None
    name: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}")
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    accounts: dict[str, ActiveAccount] = field(default_factory=dict)
    _handlers: dict[str, list[tuple[str | None, Callable[[], None]]]] = field(default_factory=dict)
    _key: bytes | None = field(default=None, repr=False)  # of the hashes, which is made once

    def current_rulebook(self) -> Rulebook:
        """Return the rulebook in force. Raises AssertionError before there is one: a defect of the start order."""
        if self.rulebook.current is None:
            raise AssertionError("no rulebook is in force yet")
        return self.rulebook.current

    async def hasher(self) -> Callable[[str], str]:
        """Return the hash by which logs name a person: equal in every process, keyed by a secret of the database."""
        if self._key is None:
            self._key = await shared_key(self.engine, "person")
        return partial(hash_email, key=self._key)

    async def forgetter(self) -> Forgetter:
        """Return what forgets people."""
        return Forgetter(ForgetStore(self.engine), new_id=Ids(), hash_email=await self.hasher())

    def subscribe(self, channel: str, handler: Callable[[], None], *, account: str | None = None) -> None:
        """Call `handler` whenever another process notifies `channel`, and may mean `account` (None: any)."""
        self._handlers.setdefault(channel, []).append((account, handler))

    def run(self, loop: Loop, *, channel: str | None = None) -> None:
        """Run a loop until the process ends, which waits for a run in progress. `channel` wakes the loop."""
        if channel is not None:
            self.subscribe(channel, loop.wake)
        loop.start()
        self.stack.push_async_callback(loop.stop, finish=True)

    def maintain(self, *, sweep: bool = True) -> None:
        """Follow the rulebooks and grants that other processes commit; `sweep` deletes what is past its retention."""
        self.run(self._follow_rulebook(), channel=RULEBOOK_CHANGED)
        if sweep:
            self.run(self._sweep())
        if self.oauth is not None:
            self.subscribe(GRANT_CHANGED, self.oauth.changed)
        notifications = Notifications(self.engine.url, {name: partial(self._notify, name) for name in self._handlers})
        notifications.start()
        self.stack.push_async_callback(notifications.close)

    def _follow_rulebook(self) -> Loop:
        return Loop(
            self.rulebook.follow,
            every=IDLE_POLL_SECONDS,
            store_trouble="rulebook.not_followed",
            defect="rulebook.defect",
        )

    def _sweep(self) -> Loop:
        return Loop(self._prune, every=SWEEP_SECONDS, store_trouble="retention.not_swept", defect="retention.defect")

    async def _prune(self) -> None:
        """Delete what is past its retention. What a cap counts is history, too, and stays as long as it counts."""
        settings, stopping = self.settings, self.stopping.is_set
        await prune(
            self.engine,
            retention=timedelta(days=settings.retention_days),
            dedupe=timedelta(days=settings.dedupe_days),
            audit=timedelta(days=settings.audit_days) if settings.audit_days else None,
            expired=partial(self.metrics.outbound, outcome="expired"),
            stopping=stopping,
        )
        history = timedelta(days=settings.history_days)
        accounts = self.rulebook.current.accounts.values() if self.rulebook.current is not None else ()
        counted = [one.per_person.period for one in accounts if one.per_person is not None]
        age = max([history, *counted]) if history else history
        await prune_history(self.engine, age=age, now=utc_now(), stopping=stopping)

    def _notify(self, channel: str, payload: str) -> None:
        for account, handler in self._handlers[channel]:
            if account is None or payload in ("", account):
                handler()

    async def check_database(self) -> None:
        """Encrypt grants with the newest key, and require that practice and real use do not share this database.

        Notice that it was restored. The log names the PostgreSQL, and what speaks against it. The database must be
        migrated. Raises StartError.
        """
        if self.oauth is not None:
            await self.oauth.rotate()
        require_apart(await RulebookStore(self.engine).accounts(), practice=self.practice)
        await log_server(self.engine, self.settings, data_dir(self.settings, practice=self.practice))
        await self.restores().open(self.pool)

    def restores(self) -> Restores:
        """Return what notices that the database was restored, for one task of this process."""
        if self.settings.database_url is not None:
            return Restores()
        return Restores(files=files_of(Layout.of(data_dir(self.settings, practice=self.practice)).pgdata))

    def rate_limit(self, stack: AsyncExitStack, account: Account) -> StoredRateLimit:
        """Return the rate limit of an account, which all replicas share; `stack` closes it."""
        return open_rate_limit(stack, self.urgent_pool, self.settings, account, ahead=PERMITS_AHEAD)

    async def client(
        self,
        stack: AsyncExitStack,
        name: str,
        rate_limit: RateLimit,
        latest: Callable[[], Account],
        *,
        also: Callable[[CallRecord], None] = lambda _: None,
    ) -> HubSpotClient:
        """Return the client of the account `name`; `stack` closes it.

        `latest` returns the account's latest configuration, so that the next request uses a new token. `also` receives
        each call.
        """

        def observe(record: CallRecord) -> None:
            observe_call(self.metrics, record)
            also(record)

        def token() -> str | Awaitable[str]:
            configured = latest()
            if configured.oauth and self.oauth is not None:
                return self.oauth.token(configured.name)
            return configured.token

        def renew(refused: str) -> bool:
            configured = latest()
            return configured.oauth and self.oauth is not None and self.oauth.refused(configured.name, refused)

        return await open_client(
            stack,
            self.settings,
            name,
            token,
            rate_limit,
            observe=observe,
            base_url=self.base_url,
            renew=renew,
        )


@asynccontextmanager
async def open_process(
    settings: Settings,
    environment: Mapping[str, str],
    database: str,
    *,
    sandbox: str | None = None,
    shared: Shared | None = None,
) -> AsyncIterator[Process]:
    """Open a Process, and end what it started. Raises StartError.

    `database` is the URL of its database, `sandbox` that of the emulator in practice.
    """
    async with AsyncExitStack() as stack:
        engine = await open_database(stack, settings, database)
        pool = _open_pool(stack, engine, settings, POOL_CONNECTIONS)
        urgent_pool = _open_pool(stack, engine, settings, URGENT_CONNECTIONS)
        base_url = sandbox or settings.hubspot_url
        if shared is not None:
            share_metrics(shared)
        metrics = Metrics(__version__, shared)
        rulebook = _rulebook(engine, settings, environment, metrics, sandbox=sandbox is not None)
        # In practice all accounts use the emulator's tokens, including those that join by OAuth in the rules.
        observe = partial(observe_call, metrics)
        oauth = None if sandbox else await open_oauth(stack, settings, engine, base_url=base_url, observe=observe)
        secrets_of_sources = partial(_source_secrets, rulebook)
        unknown_paths = UnknownPaths(secrets=secrets_of_sources, counted=metrics.unknown_path, shared=shared)
        yield Process(
            settings,
            stack,
            engine,
            pool,
            urgent_pool,
            metrics,
            rulebook,
            base_url,
            oauth,
            unknown_paths,
            partial(variable, environment=environment),
            practice=sandbox is not None,
            shared=shared,
        )


def _open_pool(stack: AsyncExitStack, engine: AsyncEngine, settings: Settings, connections: int) -> DirectPool:
    pool = DirectPool(engine.url, size=connections, idle_seconds=settings.lease_seconds / 2)
    stack.push_async_callback(pool.close)
    return pool


def _rulebook(
    engine: AsyncEngine, settings: Settings, environment: Mapping[str, str], metrics: Metrics, *, sandbox: bool
) -> ActiveRulebook:
    return ActiveRulebook(
        RulebookStore(engine),
        read=partial(read_documents, settings.config),
        load=partial(load_rulebook, settings=settings, environment=environment, sandbox=sandbox),
        unfinished=partial(unfinished_elsewhere, engine),
        metrics=metrics,
    )


def _source_secrets(rulebook: ActiveRulebook) -> frozenset[str]:
    """Return the secrets of all sources of the rules in force."""
    sources = rulebook.current.sources.values() if rulebook.current is not None else ()
    return frozenset(secret.value for source in sources for secret in source.secrets)
