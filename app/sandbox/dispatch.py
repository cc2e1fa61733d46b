"""The steps of one request: counted, limited, authorised, delayed, met by a fault, processed, answered."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse
from starlette.responses import Response as HttpResponse

from app.sandbox.errors import Refused, validation
from app.sandbox.forced_errors import by_code
from app.sandbox.request import Request, form_of, json_of
from app.sandbox.routes import sequences
from app.sandbox.state.accounts import Caller

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request as HttpRequest

    from app.sandbox.control.faults import Fault
    from app.sandbox.request import Response
    from app.sandbox.routes.table import Route
    from app.sandbox.state.account import Account
    from app.sandbox.state.accounts import Accounts
    from app.sandbox.state.ledger import Entry

TRANSPORT = "sandbox.transport"


def endpoint(accounts: Accounts, route: Route) -> Callable[[HttpRequest], Awaitable[HttpResponse]]:
    """Return the endpoint of one route."""

    async def respond(http: HttpRequest) -> HttpResponse:
        request = await _request(route, http)
        caller = _caller(accounts, route, request)
        account, now = caller.account, accounts.first.clock()
        account.ledger.arrivals.append(now)
        entry = _recorded(account, request, now) if route.name == "enroll" else None
        try:
            response = await _processed(caller, route, request, entry, http)
        except Refused as refused:
            if entry is not None:
                entry.outcome = _code(refused)
            response = JSONResponse(refused.body, refused.status, refused.headers)
        account.ledger.calls[route.name, response.status_code] += 1
        response.headers.update(caller.window.headers() if route.scope and route.rate_limit is None else {})
        return response

    return respond


async def _request(route: Route, http: HttpRequest) -> Request:
    raw = await http.body()
    body = form_of(raw) if route.takes == "form" else json_of(raw)
    return Request(http.path_params, dict(http.query_params), body, http.headers.get("authorization", ""))


def _caller(accounts: Accounts, route: Route, request: Request) -> Caller:
    """Return the caller. A route without a scope takes no token: its account is the one that the body is about."""
    if route.scope:
        return accounts.caller(request.authorization.removeprefix("Bearer "))
    account = accounts.grants.account_of(request.body) if route.takes == "form" else None
    return Caller(account or accounts.first)


async def _processed(
    caller: Caller, route: Route, request: Request, entry: Entry | None, http: HttpRequest
) -> HttpResponse:
    account = caller.account
    _admit(caller, route)
    fault = account.faults.next_fault(route.name, entry.email if entry is not None else route.name)
    if fault is not None and fault.kind == "status":
        raise by_code(fault.status, fault.code, scope=route.scope, retry_after=fault.retry_after)
    await asyncio.sleep(account.settings.delay_ms.get(route.name, 0) / 1000)
    if fault is not None and fault.kind in {"drop_before", "hang"}:
        return await _unanswered(fault, entry, http)
    if request.body is None and route.takes == "json":
        raise validation("Invalid input JSON")
    response = route.handler(account, request) if entry is None else sequences.enroll(account, request, entry)
    await asyncio.sleep(account.settings.delay_after_ms.get(route.name, 0) / 1000)
    return _answered(response) if fault is None else await _unanswered(fault, entry, http)


def _admit(caller: Caller, route: Route) -> None:
    """Raise Refused unless the token is valid for the route and no limit is spent."""
    if not route.scope:
        return
    caller.require(route.scope)
    now = caller.account.clock()
    if route.rate_limit is not None:
        route.rate_limit(caller.account, now)
    caller.window.arrive(now)


def _answered(response: Response) -> HttpResponse:
    status, body = response
    return HttpResponse(status_code=status) if body is None else JSONResponse(body, status)


async def _unanswered(fault: Fault, entry: Entry | None, http: HttpRequest) -> HttpResponse:
    """End without an answer: close the connection, or (hang) keep it open until the client leaves."""
    if entry is not None:
        entry.outcome = fault.kind
    transport = http.scope.get(TRANSPORT)
    if fault.kind == "hang":
        while not await http.is_disconnected():  # noqa: ASYNC110  # there is no event for it in ASGI
            await asyncio.sleep(0.05)
    elif transport is not None:
        if fault.kind == "torn":
            transport.write(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"id":')
            transport.close()
        else:
            transport.abort()
    return HttpResponse(status_code=500)


def _recorded(account: Account, request: Request, now: float) -> Entry:
    """Record an enroll request in the ledger before any check."""
    body = request.body if isinstance(request.body, dict) else {}
    contact_id = str(body.get("contactId", ""))
    contact = account.contact(contact_id)
    return account.ledger.record_enroll(
        now,
        contact_id=contact_id,
        email=contact.email if contact is not None else "",
        sequence=str(body.get("sequenceId", "")),
        user_id=request.query.get("userId", ""),
        sender=str(body.get("senderEmail", "")),
        alias=str(body.get("senderAliasAddress") or ""),
    )


def _code(refused: Refused) -> str:
    body = refused.body
    code = str(body.get("errorType") or body.get("category") or refused.status)
    return code.removeprefix("SequenceError.")
