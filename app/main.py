"""The composition root: settings in, running service out; its parts are `service`, `working`, `serving`."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog

from app import __version__, logs
from app.errors import StartError
from app.lifecycle import finished, run_until_stopped, sweep
from app.metrics import Metrics
from app.oauth import OAuth, missing_settings, open_oauth
from app.practice import require_apart
from app.rules.accounts import joining_by_oauth
from app.rules.documents import text_to_documents
from app.service import Service, data_dir, hasher_of, open_database, open_service
from app.serving import applications, listeners_of, worker_listener
from app.store.accept import ENROLLMENTS_READY
from app.store.grants import GRANT_CHANGED
from app.store.migrate import migrate, require_migrated
from app.store.notifications import Notifications
from app.store.outbound import OUTBOUND_READY
from app.store.refused import StoredDelivery, find_delivery
from app.store.rulebooks import RULEBOOK_CHANGED, Rulebooks
from app.telling import Calls
from app.working import Workers, start_working

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.connecting import Disconnected
    from app.rules.book import Rulebook
    from app.settings import Settings

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
        engine = await open_database(stack, settings, data_dir(settings, practice=practice), own=False)
        await require_migrated(engine)
        return await find_delivery(engine, identity, source)


async def install_link(settings: Settings, account: str) -> str:
    """Return a link with which somebody may connect `account` to HubSpot. Raises StartError."""
    async with _oauth_alone(settings) as (oauth, engine):
        stored = await Rulebooks(engine).in_force()
        joining = joining_by_oauth(text_to_documents(stored.documents)) if stored else []
        if account not in joining:
            told = ", ".join(joining) or "none yet"
            raise StartError(f"no account {account!r} joins by OAuth in the rules in force; there are: {told}")
        return await oauth.connecting.link(account)


async def disconnect(settings: Settings, account: str) -> Disconnected:
    """Give back an account's grant; tell what became of it. Raises StartError."""
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
        service = await open_service(stack, settings, environment, own_database=True, with_sandbox=with_sandbox)
        listeners = listeners_of(service)
        await migrate(service.engine.url)
        if service.oauth is not None:
            await service.oauth.rotate()
        require_apart(await Rulebooks(service.engine).accounts(), practice=with_sandbox)
        book = await _first_rulebook(service, with_sandbox=with_sandbox)
        hasher = await hasher_of(service)
        workers = await start_working(stack, service, book, hasher) if with_worker else None
        apps = applications(stack, service, hasher)
        _keep_up(stack, service, workers)
        served = dict(zip(listeners, apps, strict=False))
        await run_until_stopped(served, service.stopping, reload=service.rulebook.reload)


async def work(settings: Settings, environment: Mapping[str, str]) -> None:
    """Enroll only, until SIGTERM or SIGINT; the rulebook is the one that `serve` put in force."""
    logs.configure(form=settings.log_format, level=settings.log_level)
    async with AsyncExitStack() as stack:
        service = await open_service(stack, settings, environment, own_database=False, with_sandbox=False)
        await require_migrated(service.engine)
        if service.oauth is not None:
            await service.oauth.rotate()
        require_apart(await Rulebooks(service.engine).accounts(), practice=False)
        book = await service.rulebook.start_from_store()
        workers = await start_working(stack, service, book, await hasher_of(service))
        _keep_up(stack, service, workers)
        await run_until_stopped(worker_listener(service), service.stopping, reload=service.rulebook.reload)


async def _first_rulebook(service: Service, *, with_sandbox: bool) -> Rulebook:
    try:
        return await service.rulebook.start()
    except StartError as error:
        hint = (
            "" if with_sandbox else "\nto practise without a HubSpot account: `segue serve --sandbox`, or `segue demo`"
        )
        raise StartError(f"{error}{hint}") from error


def _keep_up(stack: AsyncExitStack, service: Service, workers: Workers | None) -> None:
    """Follow what other processes commit, and sweep what may be forgotten."""
    handlers = {RULEBOOK_CHANGED: service.rulebook.changed}
    if service.oauth is not None:
        handlers[GRANT_CHANGED] = service.oauth.changed
    if workers is not None:
        handlers[ENROLLMENTS_READY] = workers.wake
        handlers[OUTBOUND_READY] = workers.delivering.wake
    notifications = Notifications(service.engine.url, handlers)
    notifications.start()
    stack.push_async_callback(notifications.close)
    settings, stopping = service.settings, service.stopping
    ages = {
        "retention": timedelta(days=settings.retention_days),
        "dedupe": timedelta(days=settings.dedupe_days),
    }
    expired = partial(service.metrics.outbound, outcome="expired")
    works = [service.rulebook.follow(stopping), sweep(service.engine, stopping, **ages, expired=expired)]
    if service.oauth is not None and workers is not None:
        works.append(service.oauth.release(stopping))
    for work in works:
        stack.push_async_callback(finished, asyncio.create_task(work))
