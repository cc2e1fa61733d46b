"""The sandbox as an application: HubSpot's routes, the control routes, and the outgoing webhooks."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from app.sandbox.control import routes as control
from app.sandbox.dispatch import TRANSPORT, endpoint
from app.sandbox.errors import Refused, plain
from app.sandbox.routes import oauth, table
from app.sandbox.state.accounts import Accounts
from app.sandbox.state.settings import Settings
from app.sandbox.webhooks.client import WebhookClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    import httpx
    from starlette.requests import Request

__all__ = ["TRANSPORT", "create_app"]

DELIVER_EVERY_SECONDS = 0.2


def create_app(
    settings: Settings | None = None,
    clock: Callable[[], float] = time.time,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Starlette:
    """Return the sandbox as an ASGI application; its first account is `app.state.sandbox`.

    Outgoing webhooks are sent through `transport` where given. Without a lifespan none is sent by itself:
    `POST /_sandbox/webhooks/deliver` sends what is due.
    """
    chosen = settings or Settings()
    accounts = Accounts(chosen, clock, WebhookClient(transport))
    routes = [
        Route(each.path, endpoint(accounts, each), methods=[each.method]) for each in table.routes(chosen, accounts)
    ]
    app = Starlette(
        routes=[*control.routes(accounts), Route("/oauth/authorize", _authorize(accounts)), *routes],
        exception_handlers={404: _unknown, 405: _unknown},
        lifespan=lambda _: _delivering(accounts),
    )
    app.state.sandbox, app.state.accounts = accounts.first, accounts
    return app


async def _unknown(_: Request, __: Exception) -> Response:
    refused = plain(404, "Unable to find path")
    return JSONResponse(refused.body, refused.status)


def _authorize(accounts: Accounts) -> Callable[[Request], Awaitable[Response]]:
    async def authorize(request: Request) -> Response:
        account = accounts.named(request.query_params.get("portal", ""))
        try:
            return RedirectResponse(oauth.consent(account, request.query_params), 302)
        except Refused as refused:
            return JSONResponse(refused.body, refused.status)

    return authorize


@contextlib.asynccontextmanager
async def _delivering(accounts: Accounts) -> AsyncIterator[None]:
    task = asyncio.create_task(_deliver_for_ever(accounts))
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await accounts.client.close()


async def _deliver_for_ever(accounts: Accounts) -> None:
    """Deliver webhooks every so often. This also ends sequences that are over, which nothing else would notice."""
    while True:
        subscribed = [account for account in accounts.all() if account.outbox.subscribers]
        await asyncio.gather(*(accounts.deliver(account) for account in subscribed))
        await asyncio.sleep(DELIVER_EVERY_SECONDS)
