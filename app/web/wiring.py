"""The HTTP side, put together: the public application, the operators', and where each listens."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from app import __version__
from app.catalogue.cache import Catalogue
from app.database.engine import busy_when_gone
from app.enrollments.operator_store import EnrollmentOperatorStore
from app.errors import Busy
from app.followup.hint_store import HintStore
from app.ids import Ids
from app.intake.decide import Decider
from app.intake.group_commit import GroupCommit
from app.intake.receive import Intake
from app.intake.rejected_store import RejectedDeliveries
from app.outbound.operator_store import OutboundOperatorStore
from app.outbound.wiring import endpoint_status
from app.people.suppression_store import SuppressionStore
from app.reports.store import StoredReader
from app.senders.wiring import sender_status
from app.sources import PROVIDERS
from app.web import auth, health
from app.web.api import accounts as web_accounts
from app.web.api import catalogue as web_catalogue
from app.web.api import events as api
from app.web.api import interventions, suppressions
from app.web.api import outbound as web_outbound
from app.web.api import reload as admin
from app.web.api import senders as web_senders
from app.web.app import create_app
from app.web.http_protocol import HttpProtocol
from app.web.lifecycle import run_until_stopped
from app.web.limits import Limits
from app.web.pages import connect as web_oauth
from app.web.server import Listener
from app.web.webhooks import Webhooks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from fastapi import FastAPI

    from app.hubspot.client import HubSpotClient
    from app.model import Account
    from app.process import Process
    from app.rules.rulebook import Rulebook


def bind(process: Process) -> list[Listener]:
    """Return where the applications listen, in their order."""
    settings = process.settings
    ports = [(settings.port, "SEGUE_PORT")]
    if settings.admin_port is not None:
        ports.append((settings.admin_port, "SEGUE_ADMIN_PORT"))
    return [_listener(process, port, setting) for port, setting in ports]


def _listener(process: Process, port: int, setting: str) -> Listener:
    """Return a listener with limits: strangers reach the public port, and whatever runs beside it the other one."""
    protocol = partial(HttpProtocol, limits=Limits(), rejected=process.metrics.request_rejected)
    return Listener(process.settings.host, port, setting=setting, protocol=protocol)


def worker_listener(process: Process) -> dict[Listener, FastAPI]:
    """Return what tells a worker's health and metrics, on the operators' port where one is set."""
    settings = process.settings
    if settings.admin_port is None:
        return {}
    reader = StoredReader(process.engine)
    routers = [
        health.health(_checks(process, reader), practice=process.practice),
        health.metrics(partial(_page, process, reader)),
    ]
    listener = _listener(process, settings.admin_port, "SEGUE_ADMIN_PORT")
    return {listener: create_app(routers, version=__version__)}


async def serve(process: Process, apps: Mapping[Listener, FastAPI]) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP reloads the rules."""
    await run_until_stopped(apps, process.stopping, reload=process.rulebook.reload)


async def applications(process: Process) -> list[FastAPI]:
    """Return the public application and, where operators have a port of their own, theirs."""
    stack, hasher = process.stack, await process.hasher()
    settings, ids, reader = process.settings, Ids(), StoredReader(process.engine)
    writer = GroupCommit(process.engine.url, limit=settings.queue_limit)
    writer.start()
    stack.push_async_callback(writer.close)
    refused = RejectedDeliveries(process.engine)
    refused.start()
    stack.push_async_callback(refused.close)
    hints = HintStore(process.engine)
    hints.start()
    stack.push_async_callback(hints.close)
    intake = Intake(
        book=lambda: process.rulebook.book,
        providers=PROVIDERS,
        keep=writer.accept,
        refuse=refused.keep,
        deciding=Decider(new_id=ids, hash_email=hasher, metrics=process.metrics),
        metrics=process.metrics,
        hint=hints.keep,
    )
    webhooks = Webhooks(
        intake,
        maximum_body=settings.max_body_bytes,
        public_url=str(settings.public_url) if settings.public_url else None,
        new_id=ids,
        metrics=process.metrics,
    )
    connecting = process.oauth.connecting if process.oauth else None
    grants = process.oauth.grants if process.oauth else None
    public = [health.health(_checks(process, reader), practice=process.practice), web_oauth.router(connecting)]
    token = settings.admin_token.get_secret_value() if settings.admin_token else None
    authorised, lets_in = auth.operator(token), partial(auth.lets_in, token)
    operators = [
        health.metrics(partial(_page, process, reader)),
        admin.router(partial(_reload_for_operators, process), authorised=authorised),
        api.router(reader, authorised=authorised),
        interventions.router(EnrollmentOperatorStore(process.engine), reader, authorised=authorised),
        web_senders.router(sender_status(process), authorised=authorised),
        suppressions.router(SuppressionStore(process.engine), authorised=authorised),
        web_accounts.router(connecting, grants, accounts=partial(_let_in, process), authorised=authorised),
        web_outbound.router(OutboundOperatorStore(process.engine), endpoint_status(process), authorised=authorised),
        web_catalogue.router(_catalogue(process), authorised=authorised),
    ]
    if settings.admin_port is None:
        return [create_app([*public, *operators], version=__version__, webhooks=webhooks, lets_in=lets_in)]
    return [
        create_app(public, version=__version__, webhooks=webhooks),
        create_app(operators, version=__version__, lets_in=lets_in),
    ]


def _catalogue(process: Process) -> Catalogue:
    """Return what lists HubSpot for operators, with a connection of its own to each account that is asked about."""

    async def opened(account: Account) -> HubSpotClient:
        def latest() -> Account:
            book = process.rulebook.book
            return (book and book.account_named(account.name)) or account

        rate_limit = process.rate_limit(process.stack, account)
        return await process.client(process.stack, account.name, rate_limit, latest)

    return Catalogue(opened, lambda: process.rulebook.book)


def _checks(process: Process, reader: StoredReader) -> Mapping[str, Callable[[], Awaitable[str | None]]]:
    async def database() -> str | None:
        try:
            await reader.ping()
        except Busy as error:
            return str(error)
        return None

    async def rulebook() -> str | None:
        return None if process.rulebook.book is not None else "no rulebook is loaded"

    async def running() -> str | None:
        return "stopping" if process.stopping.is_set() else None

    return {"database": database, "rulebook": rulebook, "service": running}


async def _page(process: Process, reader: StoredReader) -> bytes:
    """Return the metrics; the gauges that count rows are read as they are asked for."""
    book = process.rulebook.book
    with suppress(Busy):
        process.metrics.backlog(*await reader.backlog())
        process.metrics.thin_events(await reader.thin_events())
        process.metrics.endpoints(await endpoint_status(process).gauges())
        if book is not None:
            process.metrics.overdue_looks(await reader.overdue_looks(book.accounts))
            standing = await sender_status(process).all()
            process.metrics.senders((one.account, one.name, one.left, one.paused_at is not None) for one in standing)
            process.metrics.accounts(await _connected(process, book))
    return process.metrics.page()


async def _connected(process: Process, book: Rulebook) -> dict[str, bool]:
    """Return the accounts that join by OAuth, each with whether it has a grant that works. Raises Busy."""
    if process.oauth is None:
        return {}
    states = {row["account"]: row["state"] for row in await process.oauth.grants.listed()}
    joining = (account.name for account in book.accounts.values() if account.oauth)
    return {name: states.get(name) == "active" for name in joining}


def _let_in(process: Process) -> Mapping[str, bool]:
    """Return the accounts in force, each with whether it joins by OAuth."""
    book = process.rulebook.book
    return {account.name: account.oauth for account in book.accounts.values()} if book else {}


async def _reload_for_operators(process: Process) -> Rulebook:
    with busy_when_gone():
        return await process.rulebook.reload()
