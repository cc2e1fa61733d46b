"""`/docs` and `/openapi.json`: what can be asked of this port, for people and for programs.

They describe the operators' routes and follow them: they are on the operators' port, and closed without an admin token.
They show nothing of the installation and need no token: a browser could not send one with a page that it opens.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from app.web.auth import closed
from app.web.pages.reference_page import STYLE, page

_STYLE_HASH = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def router(token: str | None) -> APIRouter:
    """Return both routes; without an admin token they are as closed as the routes that they describe."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/docs")
    async def docs(request: Request) -> Response:
        if token is None:
            raise closed()
        return HTMLResponse(page(request.app.openapi(), str(request.base_url).rstrip("/")), headers=HEADERS)

    @routes.get("/openapi.json")
    async def openapi(request: Request) -> Response:
        if token is None:
            raise closed()
        return JSONResponse(request.app.openapi(), headers=HEADERS)

    return routes
