"""The sandbox as an application: HubSpot's routes, the practitioner's, and the webhooks that go out beside them."""

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
from app.sandbox.routes import oauth
from app.sandbox.routes.table import ways
from app.sandbox.state.accounts import Portals
from app.sandbox.state.settings import Settings
from app.sandbox.webhooks.client import Courier

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    import httpx
    from starlette.requests import Request

__all__ = ["TRANSPORT", "create_app"]

ROUND_SECONDS = 0.2


def create_app(
    settings: Settings | None = None,
    clock: Callable[[], float] = time.time,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Starlette:
    """Return the sandbox as an ASGI application; the state of its first account is `app.state.sandbox`.

    What it sends to others goes through `transport` where given. Without a lifespan nothing is sent by itself:
    `POST /_sandbox/webhooks/deliver` sends what is due.
    """
    chosen = settings or Settings()
    portals = Portals(chosen, clock, Courier(transport))
    routes = [Route(way.path, endpoint(portals, way), methods=[way.method]) for way in ways(chosen, portals)]
    app = Starlette(
        routes=[*control.routes(portals), Route("/oauth/authorize", _authorize(portals)), *routes],
        exception_handlers={404: _unknown, 405: _unknown},
        lifespan=lambda _: _rounds(portals),
    )
    app.state.sandbox, app.state.portals = portals.first, portals
    return app


async def _unknown(_: Request, __: Exception) -> Response:
    refused = plain(404, "Unable to find path")
    return JSONResponse(refused.body, refused.status)


def _authorize(portals: Portals) -> Callable[[Request], Awaitable[Response]]:
    async def authorize(request: Request) -> Response:
        state = portals.named(request.query_params.get("portal", ""))
        try:
            return RedirectResponse(oauth.consent(state, request.query_params), 302)
        except Refused as refused:
            return JSONResponse(refused.body, refused.status)

    return authorize


@contextlib.asynccontextmanager
async def _rounds(portals: Portals) -> AsyncIterator[None]:
    beside = asyncio.create_task(_deliver_for_ever(portals))
    yield
    beside.cancel()
    await asyncio.gather(beside, return_exceptions=True)
    await portals.courier.close()


async def _deliver_for_ever(portals: Portals) -> None:
    """Let time pass for everybody whom somebody wants to hear of: sequences end on their own, seen by nobody else."""
    while True:
        await asyncio.gather(*(portals.deliver(state) for state in portals.all() if state.outbox.hooks))
        await asyncio.sleep(ROUND_SECONDS)
