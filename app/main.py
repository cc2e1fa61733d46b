"""The composition root: settings in, running service out. The only module that names concrete stores and clients."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import socket
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import structlog

from app import __version__, logs
from app.accounts import Accounts, AtWork
from app.acting import Acting
from app.admission import Admission
from app.bridging import Bridging
from app.catalogue import Catalogue
from app.clock import utc_now
from app.confirm import Confirmer
from app.deciding import Deciding
from app.delivering import Delivering
from app.enrich import Asking, Enricher
from app.enriching import Enriching
from app.enroll import Enroller
from app.errors import Busy, Mistake, RulebookError, StartError
from app.follow import Follower
from app.following import FollowingLoop
from app.hashing import hash_email
from app.hubspot.client import HubSpotClient
from app.hubspot.desk import HubSpotDesk
from app.hubspot.ends import HubSpotEnds
from app.hubspot.faults import fault_of
from app.hubspot.owners import Owners
from app.ids import Ids
from app.in_force import RulebookInForce
from app.intake import Intake
from app.lifecycle import finished, keep_running, run_until_stopped, sweep
from app.lookups import Lookups
from app.metrics import Metrics
from app.model import Account
from app.oauth import OAuth, missing_settings, open_oauth
from app.outbound import outbound_routes, start_delivering, tell_endpoints
from app.policy.outcome import Patience
from app.policy.settle import READS
from app.practice import SANDBOX, TOKEN, is_practice, practice_accounts, require_apart, start_sandbox
from app.prepare import Preparing
from app.rules.load import load, read_documents
from app.senders import Senders
from app.server import Listener
from app.sources import PROVIDERS
from app.standings import Standings
from app.store.accept import ENROLLMENTS_READY
from app.store.database import busy_when_gone, open_engine, require_server
from app.store.embedded import EmbeddedPostgres, attach
from app.store.enrichments import Enrichments
from app.store.enrollments import Enrollments, unfinished_elsewhere
from app.store.following import Following
from app.store.grants import GRANT_CHANGED
from app.store.group_commit import GroupCommit
from app.store.hints import Hints
from app.store.installation import shared_key
from app.store.interventions import Interventions
from app.store.migrate import migrate, require_migrated
from app.store.notifications import Notifications
from app.store.outbound import OUTBOUND_READY
from app.store.pace import StoredPace
from app.store.reading import StoredReader
from app.store.refused import RefusedDeliveries, StoredDelivery, find_delivery
from app.store.rulebooks import RULEBOOK_CHANGED, Rulebooks
from app.store.senders import SenderBooks
from app.store.suppressions import Suppressions
from app.telling import Calls, Telling
from app.web import accounts as web_accounts
from app.web import admin, api, auth, health, interventions, suppressions
from app.web import catalogue as web_catalogue
from app.web import oauth as web_oauth
from app.web import senders as web_senders
from app.web.app import create_app
from app.web.webhooks import Webhooks
from app.worker import Worker, WorkerPace

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    from fastapi import FastAPI
    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.rules.book import Document, Rulebook
    from app.settings import Settings

CONFIRM_AFTER_SECONDS = 60.0
# A lookup takes longer than a heartbeat, its wait for a grant included, and nobody renews its lease: asking twice does
# no harm, but it is no use either.
LOOKUP_LEASES = 4

Workers: TypeAlias = tuple[Accounts, Enriching, Delivering]

log = structlog.get_logger(__name__)


async def migrate_only(settings: Settings) -> None:
    """Bring the database up to date, and nothing else."""
    logs.configure(form=settings.log_format, level=settings.log_level)
    async with AsyncExitStack() as stack:
        engine = await open_database(stack, settings, settings.data_dir, own=True)
        log.info("database.migrated", revision=await migrate(engine.url))


async def stored_delivery(settings: Settings, identity: str, source: str, *, practice: bool) -> StoredDelivery | None:
    """Return a kept delivery by its id, or the last refused one of a source."""
    async with AsyncExitStack() as stack:
        engine = await open_database(stack, settings, _data_dir(settings, practice=practice), own=False)
        await require_migrated(engine)
        return await find_delivery(engine, identity, source)


async def install_link(settings: Settings, account: str) -> str:
    """Return a link with which somebody may connect `account` to HubSpot. Raises StartError."""
    async with _oauth_alone(settings) as (oauth, engine):
        known = await Rulebooks(engine).accounts()
        if account not in known:
            told = ", ".join(sorted(known)) or "none yet"
            raise StartError(f"the rules in force have no account {account!r}; there are: {told}")
        return await oauth.connecting.link(account)


async def disconnect(settings: Settings, account: str) -> bool:
    """Give back an account's grant; tell whether there was one. Raises StartError."""
    async with _oauth_alone(settings) as (oauth, _):
        return await oauth.connecting.disconnect(account)


@asynccontextmanager
async def _oauth_alone(settings: Settings) -> AsyncIterator[tuple[OAuth, AsyncEngine]]:
    """Open what connects accounts, for one command beside a service that runs."""
    async with AsyncExitStack() as stack:
        engine = await open_database(stack, settings, settings.data_dir, own=False)
        await require_migrated(engine)
        base_url, observe = str(settings.hubspot_base_url).rstrip("/"), Calls(Metrics(__version__)).call
        oauth = await open_oauth(stack, settings, engine, base_url=base_url, observe=observe)
        if oauth is None:
            raise StartError(f"accounts that join by OAuth need {', '.join(missing_settings(settings))}")
        yield oauth, engine


async def serve(
    settings: Settings, environment: Mapping[str, str], *, with_worker: bool = True, with_sandbox: bool = False
) -> None:
    """Receive webhooks, and enroll unless workers run apart; until SIGTERM or SIGINT."""
    logs.configure(form=settings.log_format, level=settings.log_level)
    async with AsyncExitStack() as stack:
        service = await _open(stack, settings, environment, own_database=True, with_sandbox=with_sandbox)
        listeners = _listeners(settings)
        await migrate(service.engine.url)
        if service.oauth is not None:
            await service.oauth.rotate()
        require_apart(await Rulebooks(service.engine).accounts(), practice=with_sandbox)
        book = await _first_rulebook(service, with_sandbox=with_sandbox)
        hasher = await _hasher(service)
        workers = await _start_working(stack, service, book, hasher) if with_worker else None
        apps = _applications(stack, service, hasher)
        _start_following(stack, service, workers)
        served = dict(zip(listeners, apps, strict=False))
        await run_until_stopped(served, service.stopping, reload=service.rulebook.reload)


async def work(settings: Settings, environment: Mapping[str, str]) -> None:
    """Enroll only, until SIGTERM or SIGINT; the rulebook is the one that `serve` put in force."""
    logs.configure(form=settings.log_format, level=settings.log_level)
    async with AsyncExitStack() as stack:
        service = await _open(stack, settings, environment, own_database=False, with_sandbox=False)
        await require_migrated(service.engine)
        require_apart(await Rulebooks(service.engine).accounts(), practice=False)
        book = await service.rulebook.start_from_store()
        workers = await _start_working(stack, service, book, await _hasher(service))
        _start_following(stack, service, workers)
        await run_until_stopped(_worker_listener(service), service.stopping, reload=service.rulebook.reload)


def _keep_running(stack: AsyncExitStack, server: EmbeddedPostgres) -> None:
    ended = asyncio.Event()
    watch = asyncio.create_task(keep_running(server, ended), name="database")

    async def end() -> None:
        ended.set()
        await watch

    stack.push_async_callback(end)


async def _first_rulebook(service: Service, *, with_sandbox: bool) -> Rulebook:
    try:
        return await service.rulebook.start()
    except StartError as error:
        hint = (
            "" if with_sandbox else "\nto practise without a HubSpot account: `segue serve --sandbox`, or `segue demo`"
        )
        raise StartError(f"{error}{hint}") from error


def _worker_listener(service: Service) -> dict[Listener, FastAPI]:
    """Return what tells a worker's health and metrics, on the operators' port where one is set."""
    settings = service.settings
    if settings.admin_port is None:
        return {}
    reader = StoredReader(service.engine)
    routers = [health.health(_checks(service, reader)), health.metrics(partial(_page, service, reader))]
    listener = Listener(settings.host, settings.admin_port, setting="SEGUE_ADMIN_PORT")
    return {listener: create_app(routers, version=__version__)}


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


async def _open(
    stack: AsyncExitStack,
    settings: Settings,
    environment: Mapping[str, str],
    *,
    own_database: bool,
    with_sandbox: bool,
) -> Service:
    engine = await open_database(stack, settings, _data_dir(settings, practice=with_sandbox), own=own_database)
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


def _data_dir(settings: Settings, *, practice: bool) -> Path:
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


async def _start_working(
    stack: AsyncExitStack, service: Service, book: Rulebook, hasher: Callable[[str], str]
) -> Workers:
    """Begin the work of all accounts, and of what is asked of providers; more accounts may come with a reload."""
    telling = Telling(service.metrics, hasher)
    name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"

    async def begin(own: AsyncExitStack, account: Account) -> AtWork:
        pace = _pace(own, service, account)
        client = await _client(own, service, pace, partial(accounts.known, account.name))
        desk = await own.enter_async_context(HubSpotDesk(client))
        owners = Owners(client, tell=partial(service.metrics.owners_read, account.name))
        senders = Senders(SenderBooks(service.engine), owners, book=in_force, now=utc_now)
        worker = _start_worker(own, service, account.name, desk, in_force, senders, telling, f"{name}:{account.name}")
        _start_follower(own, service, account.name, client, f"{name}:{account.name}")
        return AtWork(pace, desk, worker)

    def in_force() -> Rulebook:
        return service.rulebook.book or book

    accounts = Accounts(begin)
    stack.push_async_callback(accounts.close)
    await accounts.follow(book.accounts.values())
    service.rulebook.swapped = lambda swapped: accounts.follow_soon(swapped.accounts.values())
    enriching = await _start_enriching(stack, service, book, accounts, hasher, name)
    settings, metrics = service.settings, service.metrics
    delivering = await start_delivering(stack, settings, service.engine, service.rulebook, metrics, name)
    return accounts, enriching, delivering


def _pace(stack: AsyncExitStack, service: Service, account: Account) -> StoredPace:
    """Return the pace of an account, which all replicas share."""
    settings = service.settings
    pace = StoredPace(
        service.engine,
        account=account.name,
        cap=account.per_10s,
        headroom=settings.rate_headroom,
        window_ms=settings.rate_window_ms,
    )
    pace.heed(account)
    stack.push_async_callback(pace.close)
    return pace


async def _client(
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


def _start_worker(
    stack: AsyncExitStack,
    service: Service,
    account: str,
    desk: HubSpotDesk,
    book: Callable[[], Rulebook],
    senders: Senders,
    telling: Telling,
    name: str,
) -> Worker:
    settings = service.settings
    span = timedelta(hours=settings.retry_span_hours)
    enrollments = Enrollments(
        service.engine,
        account=account,
        worker=name,
        lease=settings.lease_seconds,
        span=span,
        endpoints=service.rulebook.told,
    )
    admission = Admission(Suppressions(service.engine), book)
    bridging = Bridging(enrollments, desk, book, fault_of, utc_now)
    preparing = Preparing(enrollments, desk, admission, senders, bridging, now=utc_now, tell=telling.step)
    enroller = Enroller(
        enrollments,
        desk,
        preparing,
        Acting(enrollments, desk, preparing, bridging),
        fault_of,
        patience=Patience(settings.settle_seconds, max(settings.settle_seconds, CONFIRM_AFTER_SECONDS), span),
        now=utc_now,
        random=random.random,
        tell=telling.step,
    )
    worker = Worker(
        enrollments,
        enroller,
        Confirmer(enrollments, desk, telling.confirmation),
        pace=WorkerPace(
            capacity=settings.in_flight,
            claim_at_once=min(100, settings.in_flight),
            lease=settings.lease_seconds,
            first_read=settings.settle_seconds / READS,
        ),
        expired=telling.expired,
    )
    worker.start()
    stack.push_async_callback(worker.stop, drain_seconds=settings.drain_seconds)
    return worker


def _start_follower(stack: AsyncExitStack, service: Service, account: str, client: HubSpotClient, name: str) -> None:
    """Start what follows enrolled ones to their end in HubSpot."""
    settings = service.settings
    follower = Follower(
        account,
        Following(
            service.engine,
            account=account,
            worker=name,
            calls_per_hour=settings.follow_calls_per_hour,
            endpoints=service.rulebook.told,
        ),
        HubSpotEnds(client),
        seconds=settings.follow_seconds,
        span=timedelta(days=settings.follow_days),
        now=utc_now,
        tell=service.metrics,
    )
    loop = FollowingLoop(follower)
    loop.start()
    stack.push_async_callback(loop.stop)


async def _start_enriching(
    stack: AsyncExitStack,
    service: Service,
    book: Rulebook,
    accounts: Accounts,
    hasher: Callable[[str], str],
    name: str,
) -> Enriching:
    """Start what asks the providers of thin events; HubSpot is asked as the account that they come from."""
    hosts = frozenset[str]().union(*(provider.hosts for provider in PROVIDERS.values()))
    lookups = await stack.enter_async_context(Lookups(hosts))
    enrichments = Enrichments(service.engine, worker=name, lease=LOOKUP_LEASES * service.settings.lease_seconds)
    enricher = Enricher(
        enrichments,
        Deciding(new_id=Ids(), hash_email=hasher, metrics=service.metrics),
        Asking(providers=PROVIDERS, ask=lookups.ask, contacts=accounts.contacts, fault_of=fault_of),
        book=lambda: service.rulebook.book or book,
        span=timedelta(hours=service.settings.retry_span_hours),
        now=utc_now,
        random=random.random,
        metrics=service.metrics,
    )
    enriching = Enriching(enrichments, enricher)
    enriching.start()
    stack.push_async_callback(enriching.stop)
    return enriching


def _applications(stack: AsyncExitStack, service: Service, hasher: Callable[[str], str]) -> list[FastAPI]:
    """Return the public application and, where operators have a port of their own, theirs."""
    settings, ids, reader = service.settings, Ids(), StoredReader(service.engine)
    writer = GroupCommit(service.engine.url, limit=settings.queue_limit)
    writer.start()
    stack.push_async_callback(writer.close)
    refused = RefusedDeliveries(service.engine)
    refused.start()
    stack.push_async_callback(refused.close)
    hints = Hints(service.engine)
    hints.start()
    stack.push_async_callback(hints.close)
    intake = Intake(
        book=lambda: service.rulebook.book,
        providers=PROVIDERS,
        keep=writer.accept,
        refuse=refused.keep,
        deciding=Deciding(new_id=ids, hash_email=hasher, metrics=service.metrics),
        metrics=service.metrics,
        hint=hints.keep,
    )
    webhooks = Webhooks(
        intake,
        maximum_body=settings.max_body_bytes,
        public_url=str(settings.public_url) if settings.public_url else None,
        new_id=ids,
        metrics=service.metrics,
    )
    connecting = service.oauth.connecting if service.oauth else None
    grants = service.oauth.grants if service.oauth else None
    public = [health.health(_checks(service, reader)), web_oauth.router(connecting)]
    token = settings.admin_token.get_secret_value() if settings.admin_token else None
    authorised = auth.operator(token)
    operators = [
        health.metrics(partial(_page, service, reader)),
        admin.router(partial(_reload_for_operators, service), authorised=authorised),
        api.router(reader, authorised=authorised),
        interventions.router(Interventions(service.engine), reader, authorised=authorised),
        web_senders.router(_standings(service), authorised=authorised),
        suppressions.router(Suppressions(service.engine), authorised=authorised),
        web_accounts.router(connecting, grants, accounts=partial(_let_in, service), authorised=authorised),
        outbound_routes(service.engine, service.rulebook, authorised=authorised),
        web_catalogue.router(_catalogue(stack, service), authorised=authorised),
    ]
    if settings.admin_port is None:
        return [create_app([*public, *operators], version=__version__, webhooks=webhooks)]
    return [create_app(public, version=__version__, webhooks=webhooks), create_app(operators, version=__version__)]


def _catalogue(stack: AsyncExitStack, service: Service) -> Catalogue:
    """Return what lists HubSpot for operators, with a connection of its own to each account that is asked about."""

    async def opened(account: Account) -> HubSpotClient:
        def latest() -> Account:
            book = service.rulebook.book
            return (book and book.account_named(account.name)) or account

        return await _client(stack, service, _pace(stack, service, account), latest)

    return Catalogue(opened, lambda: service.rulebook.book)


def _checks(service: Service, reader: StoredReader) -> Mapping[str, Callable[[], Awaitable[str | None]]]:
    async def database() -> str | None:
        try:
            await reader.ping()
        except Busy as error:
            return str(error)
        return None

    async def rulebook() -> str | None:
        return None if service.rulebook.book is not None else "no rulebook is loaded"

    async def running() -> str | None:
        return "stopping" if service.stopping.is_set() else None

    return {"database": database, "rulebook": rulebook, "service": running}


async def _page(service: Service, reader: StoredReader) -> bytes:
    """Return the metrics; the gauges that count rows are read as they are asked for."""
    book = service.rulebook.book
    with suppress(Busy):
        service.metrics.backlog(*await reader.backlog())
        service.metrics.thin_events(await reader.thin_events())
        for account, seconds in (await reader.overdue_looks()).items():
            service.metrics.overdue_look(account, seconds)
        await tell_endpoints(service.engine, service.rulebook, service.metrics)
        if book is not None:
            for standing in await _standings(service).all():
                service.metrics.sender(standing.account, standing.name, standing.left, standing.paused_at is not None)
    return service.metrics.page()


def _let_in(service: Service) -> Mapping[str, bool]:
    """Return the accounts in force, each with whether it joins by OAuth."""
    book = service.rulebook.book
    return {account.name: account.oauth for account in book.accounts.values()} if book else {}


def _standings(service: Service) -> Standings:
    return Standings(SenderBooks(service.engine), lambda: service.rulebook.book)


async def _reload_for_operators(service: Service) -> Rulebook:
    with busy_when_gone():
        return await service.rulebook.reload()


async def _hasher(service: Service) -> Callable[[str], str]:
    """Return the hash that stands for a person in logs: the same in every process, and nobody outside can make it."""
    return partial(hash_email, key=await shared_key(service.engine, "person"))


def _listeners(settings: Settings) -> list[Listener]:
    ports = [(settings.port, "SEGUE_PORT")]
    if settings.admin_port is not None:
        ports.append((settings.admin_port, "SEGUE_ADMIN_PORT"))
    return [Listener(settings.host, port, setting=setting) for port, setting in ports]


def _wake(workers: Workers) -> None:
    for worker in workers:
        worker.wake()


def _start_following(stack: AsyncExitStack, service: Service, workers: Workers | None) -> None:
    """Follow what other processes commit, and sweep what may be forgotten."""
    handlers = {RULEBOOK_CHANGED: service.rulebook.changed}
    if service.oauth is not None:
        handlers[GRANT_CHANGED] = service.oauth.changed
    if workers is not None:
        handlers[ENROLLMENTS_READY] = partial(_wake, workers)
        handlers[OUTBOUND_READY] = workers[-1].wake
    notifications = Notifications(service.engine.url, handlers)
    notifications.start()
    stack.push_async_callback(notifications.close)
    settings, stopping = service.settings, service.stopping
    ages = {
        "retention": timedelta(days=settings.retention_days),
        "dedupe": timedelta(days=settings.dedupe_days),
    }
    for work in (service.rulebook.follow(stopping), sweep(service.engine, stopping, **ages)):
        stack.push_async_callback(finished, asyncio.create_task(work))
