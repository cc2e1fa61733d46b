"""The sandbox as an application: HubSpot's routes and the practitioner's."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from app.sandbox import control, oauth
from app.sandbox.answering import TRANSPORT, endpoint
from app.sandbox.portals import Portals
from app.sandbox.refusals import Refused, plain
from app.sandbox.settings import Settings
from app.sandbox.ways import ways

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

__all__ = ["TRANSPORT", "create_app"]


def create_app(
    settings: Settings | None = None,
    clock: Callable[[], float] = time.time,
) -> Starlette:
    """Return the sandbox as an ASGI application; the state of its first account is `app.state.sandbox`."""
    chosen = settings or Settings()
    portals = Portals(chosen, clock)
    routes = [Route(way.path, endpoint(portals, way), methods=[way.method]) for way in ways(chosen, portals)]
    app = Starlette(
        routes=[*control.routes(portals), Route("/oauth/authorize", _authorize(portals)), *routes],
        exception_handlers={404: _unknown, 405: _unknown},
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
