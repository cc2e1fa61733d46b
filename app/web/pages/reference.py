"""`/docs` and `/openapi.json`: what can be asked of this port, for people and for programs.

They describe the operators' routes and follow them: they are on the operators' port, and closed without a configured
token. On the public port the gate asks for a token, which a browser may send as a password.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from app.web.access.gate import closed
from app.web.pages.reference_page import STYLE, page

if TYPE_CHECKING:
    from app.web.access.tokens import Tokens

_STYLE_HASH = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
}


def router(tokens: Tokens) -> APIRouter:
    """Return both routes; without a configured token they are as closed as the routes that they describe."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/docs")
    async def docs(request: Request) -> Response:
        if not tokens.any:
            raise closed()
        return HTMLResponse(page(request.app.openapi(), str(request.base_url).rstrip("/")), headers=HEADERS)

    @routes.get("/openapi.json")
    async def openapi(request: Request) -> Response:
        if not tokens.any:
            raise closed()
        return JSONResponse(request.app.openapi())

    return routes
