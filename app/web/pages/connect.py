"""`/oauth/`: the pages that connect a HubSpot account, called by a person's browser.

The link's page has a button and no script. Only the button's POST spends the ticket.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from html import escape
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Scope

from app.accounts.connect import CALLBACK, INSTALL, Connected, Connector
from app.accounts.install_store import LIFE_SECONDS
from app.audit.act import BROWSER, Act, acting
from app.errors import InstallRefused

COOKIE, REFUSED = "segue_install", 400
NOT_CONFIGURED = (
    "No account can join by OAuth: set SEGUE_HUBSPOT_CLIENT_ID, SEGUE_HUBSPOT_CLIENT_SECRET, SEGUE_PUBLIC_URL and "
    "SEGUE_ENCRYPTION_KEYS."
)
# These URLs contain codes and tickets: as every answer, the pages are not cached, and no other site receives the URLs.
POLICY = "default-src 'none'; base-uri 'none'; form-action {form}; frame-ancestors 'none'"
Given = Annotated[str, Query(max_length=8192)]


Refused = Callable[[Act, int], Awaitable[None]]


def router(connector: Connector | None, address: Callable[[Scope], str], refused: Refused) -> APIRouter:
    """Return the public routes; without a connector they say that OAuth is not configured.

    `address` returns the address of a request's client, and `refused` writes down an act with its status: both are for
    the audit log.
    """
    routes = APIRouter(include_in_schema=False)

    @routes.get(INSTALL)
    async def ask(ticket: Given = "") -> Response:
        return await _shown(connector, lambda connector: _ask(connector, ticket))

    @routes.post(INSTALL)
    async def install(request: Request, ticket: Given = "") -> Response:
        act = _act(request, address, INSTALL)
        return await _done(connector, lambda connector: _begin(connector, ticket), act, refused)

    @routes.get(CALLBACK)
    async def callback(
        request: Request,
        state: Given = "",
        code: Given = "",
        error: Given = "",
        error_description: Given = "",
    ) -> Response:
        began = request.cookies.get(_cookie(connector), "") if connector else ""
        # HubSpot hands a stranger's state back as well as ours: the browser must be the one that was sent there.
        same = hmac.compare_digest(*(text.encode("utf-8", "surrogatepass") for text in (began, state)))
        if not (state and same):
            return _page(400, "Not connected", "This browser did not begin to connect an account. Open the link in it.")
        reason = ": ".join(part for part in (error, error_description) if part) or "it sent no code"
        act, given = _act(request, address, CALLBACK), code if not error else ""
        return await _done(connector, lambda connector: _end(connector, state, given, reason), act, refused)

    return routes


def _act(request: Request, address: Callable[[Scope], str], path: str) -> Act:
    return Act(BROWSER, None, address(request.scope), f"{request.method} {path}")


def _cookie(connector: Connector) -> str:
    """Return the cookie's name. Browsers keep one with this prefix for this host and HTTPS alone (RFC 6265bis)."""
    return f"__Host-{COOKIE}" if connector.over_tls else COOKIE


def _cookie_path(connector: Connector) -> str:
    return "/" if connector.over_tls else connector.pages  # the prefix requires the root


async def _shown(connector: Connector | None, go: Callable[[Connector], Awaitable[Response]]) -> Response:
    if connector is None:
        return _page(404, "Not connected", NOT_CONFIGURED)
    try:
        return await go(connector)
    except InstallRefused as refused:
        return _page(REFUSED, "Not connected", str(refused))


async def _done(
    connector: Connector | None, go: Callable[[Connector], Awaitable[Response]], act: Act, refused: Refused
) -> Response:
    """Return the page of what a person does, and write down where it is refused."""
    with acting(act):
        response = await _shown(connector, go)
    if response.status_code == REFUSED:
        await refused(act, REFUSED)
    return response


async def _ask(connector: Connector, ticket: str) -> Response:
    """Show the button. Browsers check `form-action` for all redirects that follow, and HubSpot's sites are several."""
    account = await connector.account_of(ticket)
    target = escape(f"?{urlencode({'ticket': ticket})}")  # this page's own path, which a proxy may have prefixed
    button = f'<form method="post" action="{target}"><button>Connect {escape(account)} to HubSpot</button></form>'
    lines = (f"Connect the account {account}: HubSpot asks you next which of its accounts Segue may use.",)
    return _page(200, "Connect HubSpot", *lines, more=button, form=f"'self' https: {connector.consent_origin}")


async def _begin(connector: Connector, ticket: str) -> Response:
    sent = await connector.begin(ticket)
    response = RedirectResponse(sent.url, 303, _headers())
    response.set_cookie(
        _cookie(connector),
        sent.state,
        max_age=LIFE_SECONDS,
        path=_cookie_path(connector),
        secure=connector.over_tls,
        httponly=True,
        samesite="lax",
    )
    return response


async def _end(connector: Connector, state: str, code: str, reason: str) -> Response:
    if not code:
        await connector.give_up(state, reason)
    response = _connected(await connector.finish(state, code))
    response.delete_cookie(
        _cookie(connector), path=_cookie_path(connector), secure=connector.over_tls, httponly=True, samesite="lax"
    )
    return response


def _connected(connected: Connected) -> Response:
    lines = [f"The account {connected.account} is connected to HubSpot account {connected.hub_id}."]
    if connected.missing:
        lines.append(f"Missing scopes: {', '.join(connected.missing)}. Add them to the app, then connect it again.")
    if connected.released:
        waiting = "1 enrollment" if connected.released == 1 else f"{connected.released} enrollments"
        lines.append(f"Waiting for this until now: {waiting}.")
    return _page(200, "Connected", *lines, "You can close this page.")


def _page(status: int, title: str, *lines: str, more: str = "", form: str = "'none'") -> HTMLResponse:
    """Return a page. `more` is HTML; `form` says where its form may lead to."""
    body = "".join(f"<p>{escape(line)}</p>" for line in lines)
    head = f'<meta charset="utf-8"><title>Segue: {escape(title)}</title>'
    html = f'<!doctype html><html lang="en">{head}<h1>{escape(title)}</h1>{body}{more}</html>'
    return HTMLResponse(html, status, _headers(form))


def _headers(form: str = "'none'") -> dict[str, str]:
    return {"Content-Security-Policy": POLICY.replace("{form}", form)}
