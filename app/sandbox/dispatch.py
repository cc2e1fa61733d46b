"""The way of one request: counted, paced, authorised, delayed, met with trouble, processed, answered."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from app.sandbox.errors import Refused, validation
from app.sandbox.forced_errors import by_code
from app.sandbox.request import Asked, form_of, json_of
from app.sandbox.routes import sequences
from app.sandbox.state.accounts import Caller

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from app.sandbox.control.faults import Fault
    from app.sandbox.routes.table import Way
    from app.sandbox.state.account import State
    from app.sandbox.state.accounts import Portals
    from app.sandbox.state.ledger import Entry

TRANSPORT = "sandbox.transport"


def endpoint(portals: Portals, way: Way) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers the requests of one route."""

    async def answer(request: Request) -> Response:
        raw = await request.body()
        body = form_of(raw) if way.takes == "form" else json_of(raw)
        asked = Asked(request.path_params, dict(request.query_params), body, request.headers.get("authorization", ""))
        caller = _caller(portals, way, asked, request)
        state, now = caller.state, portals.first.clock()
        state.ledger.arrivals.append(now)
        entry = _entered(state, asked, now) if way.name == "enroll" else None
        try:
            response = await _processed(caller, way, asked, entry, request)
        except Refused as refused:
            if entry is not None:
                entry.outcome = _word(refused)
            response = JSONResponse(refused.body, refused.status, refused.headers)
        state.ledger.calls[way.name, response.status_code] += 1
        response.headers.update(caller.window.headers() if way.scope and way.pace is None else {})
        return response

    return answer


def _caller(portals: Portals, way: Way, asked: Asked, request: Request) -> Caller:
    """Return who asks. Where no token is asked for, the account is the one that the body is about."""
    if way.scope:
        return portals.caller(request.headers.get("authorization", "").removeprefix("Bearer "))
    about = portals.grants.state_of(asked.body) if way.takes == "form" else None
    return Caller(about or portals.first)


async def _processed(caller: Caller, way: Way, asked: Asked, entry: Entry | None, request: Request) -> Response:
    state = caller.state
    _admit(caller, way)
    fault = state.faults.strike(way.name, entry.email if entry is not None else way.name)
    if fault is not None and fault.kind == "status":
        raise by_code(fault.status, fault.code, scope=way.scope, retry_after=fault.retry_after)
    await asyncio.sleep(state.settings.delay_ms.get(way.name, 0) / 1000)
    if fault is not None and fault.kind in {"drop_before", "hang"}:
        return await _gone(fault, entry, request)
    if asked.body is None and way.takes == "json":
        raise validation("Invalid input JSON")
    status, body = way.process(state, asked) if entry is None else sequences.enroll(state, asked, entry)
    await asyncio.sleep(state.settings.delay_after_ms.get(way.name, 0) / 1000)
    return _answer(status, body) if fault is None else await _gone(fault, entry, request)


def _admit(caller: Caller, way: Way) -> None:
    """Raise Refused unless the token is good for the route and no limit is spent."""
    if not way.scope:
        return
    caller.require(way.scope)
    now = caller.state.clock()
    if way.pace is not None:
        way.pace(caller.state, now)
    caller.window.arrive(now)


def _answer(status: int, body: dict[str, Any] | None) -> Response:
    return Response(status_code=status) if body is None else JSONResponse(body, status)


async def _gone(fault: Fault, entry: Entry | None, request: Request) -> Response:
    """Make an end without an answer: the connection is closed, or (hang) kept until the client leaves."""
    if entry is not None:
        entry.outcome = fault.kind
    transport = request.scope.get(TRANSPORT)
    if fault.kind == "hang":
        while not await request.is_disconnected():  # noqa: ASYNC110  # there is no event for it in ASGI
            await asyncio.sleep(0.05)
    elif transport is not None:
        if fault.kind == "torn":
            transport.write(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"id":')
            transport.close()
        else:
            transport.abort()
    return Response(status_code=500)


def _entered(state: State, asked: Asked, now: float) -> Entry:
    """Write an enroll request into the ledger before anything else is looked at."""
    body = asked.body if isinstance(asked.body, dict) else {}
    contact_id = str(body.get("contactId", ""))
    person = state.person(contact_id)
    return state.ledger.enroll(
        now,
        contact_id=contact_id,
        email=person.email if person is not None else "",
        sequence=str(body.get("sequenceId", "")),
        user_id=asked.query.get("userId", ""),
        sender=str(body.get("senderEmail", "")),
    )


def _word(refused: Refused) -> str:
    body = refused.body
    word = str(body.get("errorType") or body.get("category") or refused.status)
    return word.removeprefix("SequenceError.")
