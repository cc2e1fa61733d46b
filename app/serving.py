"""The HTTP side, put together: the public application, the operators', and where each listens."""

from __future__ import annotations

from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING

from app import __version__
from app.catalogue import Catalogue
from app.deciding import Deciding
from app.errors import Busy
from app.ids import Ids
from app.intake import Intake
from app.outbound import outbound_routes, tell_endpoints
from app.server import Listener
from app.service import Service, client_of, pace_of, standings_of
from app.sources import PROVIDERS
from app.store.database import busy_when_gone
from app.store.group_commit import GroupCommit
from app.store.hints import Hints
from app.store.interventions import Interventions
from app.store.reading import StoredReader
from app.store.refused import RefusedDeliveries
from app.store.suppressions import Suppressions
from app.web import accounts as web_accounts
from app.web import admin, api, auth, health, interventions, suppressions
from app.web import catalogue as web_catalogue
from app.web import oauth as web_oauth
from app.web import senders as web_senders
from app.web.app import create_app
from app.web.http_protocol import HttpProtocol
from app.web.limits import Limits
from app.web.webhooks import Webhooks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from fastapi import FastAPI

    from app.hubspot.client import HubSpotClient
    from app.model import Account
    from app.rules.book import Rulebook


def listeners_of(service: Service) -> list[Listener]:
    """Return where the applications listen, in their order."""
    settings = service.settings
    ports = [(settings.port, "SEGUE_PORT")]
    if settings.admin_port is not None:
        ports.append((settings.admin_port, "SEGUE_ADMIN_PORT"))
    return [_listener(service, port, setting) for port, setting in ports]


def _listener(service: Service, port: int, setting: str) -> Listener:
    """Return a listener with limits: strangers reach the public port, and whatever runs beside it the other one."""
    protocol = partial(HttpProtocol, limits=Limits(), rejected=service.metrics.request_rejected)
    return Listener(service.settings.host, port, setting=setting, protocol=protocol)


def worker_listener(service: Service) -> dict[Listener, FastAPI]:
    """Return what tells a worker's health and metrics, on the operators' port where one is set."""
    settings = service.settings
    if settings.admin_port is None:
        return {}
    reader = StoredReader(service.engine)
    routers = [health.health(_checks(service, reader)), health.metrics(partial(_page, service, reader))]
    listener = _listener(service, settings.admin_port, "SEGUE_ADMIN_PORT")
    return {listener: create_app(routers, version=__version__)}


def applications(stack: AsyncExitStack, service: Service, hasher: Callable[[str], str]) -> list[FastAPI]:
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
    authorised, lets_in = auth.operator(token), partial(auth.lets_in, token)
    operators = [
        health.metrics(partial(_page, service, reader)),
        admin.router(partial(_reload_for_operators, service), authorised=authorised),
        api.router(reader, authorised=authorised),
        interventions.router(Interventions(service.engine), reader, authorised=authorised),
        web_senders.router(standings_of(service), authorised=authorised),
        suppressions.router(Suppressions(service.engine), authorised=authorised),
        web_accounts.router(connecting, grants, accounts=partial(_let_in, service), authorised=authorised),
        outbound_routes(service.engine, service.rulebook, authorised=authorised),
        web_catalogue.router(_catalogue(stack, service), authorised=authorised),
    ]
    if settings.admin_port is None:
        return [create_app([*public, *operators], version=__version__, webhooks=webhooks, lets_in=lets_in)]
    return [
        create_app(public, version=__version__, webhooks=webhooks),
        create_app(operators, version=__version__, lets_in=lets_in),
    ]


def _catalogue(stack: AsyncExitStack, service: Service) -> Catalogue:
    """Return what lists HubSpot for operators, with a connection of its own to each account that is asked about."""

    async def opened(account: Account) -> HubSpotClient:
        def latest() -> Account:
            book = service.rulebook.book
            return (book and book.account_named(account.name)) or account

        return await client_of(stack, service, pace_of(stack, service, account), latest)

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
        await tell_endpoints(service.engine, service.rulebook, service.metrics)
        if book is not None:
            service.metrics.overdue_looks(await reader.overdue_looks(book.accounts))
            standing = await standings_of(service).all()
            service.metrics.senders((one.account, one.name, one.left, one.paused_at is not None) for one in standing)
            service.metrics.accounts(await _connected(service, book))
    return service.metrics.page()


async def _connected(service: Service, book: Rulebook) -> dict[str, bool]:
    """Return the accounts that join by OAuth, each with whether it has a grant that works. Raises Busy."""
    if service.oauth is None:
        return {}
    states = {row["account"]: row["state"] for row in await service.oauth.grants.listed()}
    joining = (account.name for account in book.accounts.values() if account.oauth)
    return {name: states.get(name) == "active" for name in joining}


def _let_in(service: Service) -> Mapping[str, bool]:
    """Return the accounts in force, each with whether it joins by OAuth."""
    book = service.rulebook.book
    return {account.name: account.oauth for account in book.accounts.values()} if book else {}


async def _reload_for_operators(service: Service) -> Rulebook:
    with busy_when_gone():
        return await service.rulebook.reload()
