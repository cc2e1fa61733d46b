"""A stand-in for HubSpot's OAuth routes, in the shapes that its specification and its guides show."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.hubspot.api.consent import REQUIRED_SCOPES, OAuthApp, challenge

if TYPE_CHECKING:
    from starlette.requests import Request

APP = OAuthApp("client-1", "made-up-client-secret")
DEAD = {"error": "invalid_grant", "status": "BAD_REFRESH_TOKEN", "message": "refresh token is invalid or revoked"}


@dataclass
class FarEnd:
    """HubSpot. `answer_with` is given instead of tokens; `silent_until` is waited for before any answer."""

    hub_id: int = 4567
    scopes: tuple[str, ...] = REQUIRED_SCOPES
    expires_in: int = 1800
    changes_refresh_token: bool = False
    names_the_hub: bool = True
    answer_with: tuple[int, object] | None = None
    revoke_with: int | None = None
    silent_until: asyncio.Event | None = None
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    codes: dict[str, tuple[str, str]] = field(default_factory=dict)
    refresh_tokens: set[str] = field(default_factory=lambda: {"refresh-0"})
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def app(self) -> Starlette:
        """The ASGI application."""
        token = "/oauth/2026-03/token"
        routes = [("", self._token), ("/introspect", self._introspect), ("/revoke", self._revoke)]
        return Starlette(routes=[Route(token + path, handler, methods=["POST"]) for path, handler in routes])

    def approve(self, url: str) -> str:
        """Agree, as the person at HubSpot does, to what an authorize URL asks; return the code they come back with."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        code = f"code-{next(self.numbers)}"
        self.codes[code] = (query["redirect_uri"], query["code_challenge"])
        return code

    def refreshed(self) -> int:
        """How often a token was asked for with a refresh token."""
        return sum(form.get("grant_type") == "refresh_token" for _, form in self.asked)

    async def _heard(self, request: Request) -> dict[str, str]:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        self.asked.append((request.url.path, form))
        self.heard.set()
        if self.silent_until is not None:
            await self.silent_until.wait()
        return form

    async def _token(self, request: Request) -> Response:
        form = await self._heard(request)
        if self.answer_with is not None:
            status, body = self.answer_with
            return JSONResponse(body, status)
        if form["client_secret"] != APP.client_secret:
            return JSONResponse({"error": "invalid_client", "status": "BAD_CLIENT_SECRET"}, 401)
        return self._exchange(form) if form["grant_type"] == "authorization_code" else self._refresh(form)

    def _exchange(self, form: dict[str, str]) -> Response:
        known = self.codes.pop(form["code"], None)
        if known != (form["redirect_uri"], challenge(form["code_verifier"])):
            return JSONResponse({"error": "invalid_grant", "status": "BAD_AUTH_CODE", "message": form["code"]}, 400)
        return self._given(f"refresh-{next(self.numbers)}")

    def _refresh(self, form: dict[str, str]) -> Response:
        if form["refresh_token"] not in self.refresh_tokens:
            return JSONResponse(DEAD, 400)
        if not self.changes_refresh_token:
            return self._given(form["refresh_token"])
        self.refresh_tokens.discard(form["refresh_token"])
        return self._given(f"refresh-{next(self.numbers)}")

    def _given(self, refresh_token: str) -> Response:
        self.refresh_tokens.add(refresh_token)
        introspected = {
            "access_token": f"access-{next(self.numbers)}",
            "expires_in": self.expires_in,
            "refresh_token": refresh_token,
            "token_type": "bearer",
            "token_use": "access_token",
        }
        return JSONResponse(introspected | self._whose() if self.names_the_hub else introspected)

    def _whose(self) -> dict[str, object]:
        return {"hub_id": self.hub_id, "user_id": 7001, "scopes": list(self.scopes)}

    async def _introspect(self, request: Request) -> Response:
        await self._heard(request)
        return JSONResponse({"active": True, **self._whose()})

    async def _revoke(self, request: Request) -> Response:
        form = await self._heard(request)
        if self.revoke_with is not None:
            return Response(status_code=self.revoke_with)
        if form["token"] not in self.refresh_tokens:
            return JSONResponse(DEAD, 400)
        self.refresh_tokens.discard(form["token"])
        return Response(status_code=204)
