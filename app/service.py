"""What every process of Segue has, put together: settings, database, rules and metrics; and what asks HubSpot."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from app import __version__
from app.errors import Mistake, RulebookError
from app.hashing import hash_email
from app.hubspot.client import HubSpotClient
from app.in_force import RulebookInForce
from app.lifecycle import keep_running
from app.metrics import Metrics
from app.model import Account
from app.oauth import OAuth, missing_settings, open_oauth
from app.practice import SANDBOX, TOKEN, is_practice, practice_accounts, start_sandbox
from app.rules.load import load, read_documents
from app.sources import PROVIDERS
from app.standings import Standings
from app.store.database import open_engine, require_server
from app.store.embedded import EmbeddedPostgres, attach
from app.store.enrollments import unfinished_elsewhere
from app.store.installation import shared_key
from app.store.pace import StoredPace
from app.store.rulebooks import Rulebooks
from app.store.senders import SenderBooks
from app.telling import Calls

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from contextlib import AsyncExitStack
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.rules.book import Document, Rulebook
    from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Service:
    """What every process of Segue has."""

    settings: Settings
    engine: AsyncEngine
    metrics: Metrics
    rulebook: RulebookInForce
    base_url: str
    stopping: asyncio.Event
    oauth: OAuth | None


async def open_service(
    stack: AsyncExitStack,
    settings: Settings,
    environment: Mapping[str, str],
    *,
    own_database: bool,
    with_sandbox: bool,
) -> Service:
    """Open what every process has; `stack` closes it. Raises StartError."""
    engine = await open_database(stack, settings, data_dir(settings, practice=with_sandbox), own=own_database)
    base_url = await start_sandbox(stack) if with_sandbox else str(settings.hubspot_base_url).rstrip("/")
    metrics = Metrics(__version__)
    rulebook = RulebookInForce(
        Rulebooks(engine),
        read=partial(read_documents, settings.config),
        load=partial(load_rulebook, settings=settings, environment=environment, sandbox=with_sandbox),
        unfinished=partial(unfinished_elsewhere, engine),
        metrics=metrics,
    )
    # Practice accounts have the emulator's tokens, however they are let in elsewhere.
    observe = Calls(metrics).call
    oauth = None if with_sandbox else await open_oauth(stack, settings, engine, base_url=base_url, observe=observe)
    return Service(settings, engine, metrics, rulebook, base_url, asyncio.Event(), oauth)


def load_rulebook(
    documents: tuple[Document, ...], *, settings: Settings, environment: Mapping[str, str], sandbox: bool
) -> Rulebook:
    """Make a Rulebook of its text. With the sandbox its accounts are the emulator's, whatever the rules name."""
    token = settings.hubspot_token.get_secret_value() if settings.hubspot_token else None
    if sandbox:
        environment, token = {"HUBSPOT_TOKEN": TOKEN, **environment}, TOKEN
    account = Account("main", token) if token else None
    book = load(documents, environment=environment, providers=PROVIDERS, default_account=account)
    if sandbox:
        return replace(book, accounts=practice_accounts(book.accounts))
    if any(is_practice(name) for name in book.accounts):
        told = f"accounts: {SANDBOX!r} is the emulator's name; choose another one for a real account"
        raise RulebookError((Mistake(documents[0].file, 1, 1, told),))
    if any(account.oauth for account in book.accounts.values()) and missing_settings(settings):
        told = f"accounts: those that join by OAuth need {', '.join(missing_settings(settings))}"
        raise RulebookError((Mistake(documents[0].file, 1, 1, told),))
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


def pace_of(
    stack: AsyncExitStack, service: Service, account: Account, *, engine: AsyncEngine | None = None
) -> StoredPace:
    """Return the pace of an account, which all replicas share, kept over `engine` or else the process's own."""
    settings = service.settings
    pace = StoredPace(
        engine or service.engine,
        account=account.name,
        cap=account.per_10s,
        headroom=settings.rate_headroom,
        window_ms=settings.rate_window_ms,
    )
    pace.heed(account)
    stack.push_async_callback(pace.close)
    return pace


async def client_of(
    stack: AsyncExitStack, service: Service, pace: StoredPace, account: Callable[[], Account]
) -> HubSpotClient:
    """Return what asks HubSpot. `account` returns the latest configuration: a mended token is used at once."""

    def token() -> str | Awaitable[str]:
        configured = account()
        if configured.oauth and service.oauth is not None:
            return service.oauth.token(configured.name)
        return configured.token

    client = HubSpotClient(
        account().name,
        token,
        pace=pace,
        observe=Calls(service.metrics).call,
        base_url=service.base_url,
        version=service.settings.hubspot_api_version,
    )
    return await stack.enter_async_context(client)


async def hasher_of(service: Service) -> Callable[[str], str]:
    """Return the hash that stands for a person in logs: the same in every process, and nobody outside can make it."""
    return partial(hash_email, key=await shared_key(service.engine, "person"))


def standings_of(service: Service) -> Standings:
    """Return how the senders of the rules in force stand."""
    return Standings(SenderBooks(service.engine), lambda: service.rulebook.book)
