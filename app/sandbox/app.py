"""The way of one request: counted, paced, authorised, delayed, met with trouble, processed, answered."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.sandbox import contacts, control, owners, sequences
from app.sandbox.asked import Asked, json_of
from app.sandbox.refusals import Refused, by_code, missing_scopes, unauthenticated, validation
from app.sandbox.seed import SCOPES
from app.sandbox.settings import Settings
from app.sandbox.state import State

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from app.sandbox.faults import Fault
    from app.sandbox.ledger import Entry

    Process = Callable[[State, Asked], tuple[int, dict[str, Any]]]

TRANSPORT = "sandbox.transport"
READ_ONLY_TOKEN = "pat-sandbox-read"  # noqa: S105  # an emulator's: every scope but the one to enroll
WRITE = "crm.objects.contacts.write"
READ = "crm.objects.contacts.read"


@dataclass(frozen=True)
class Way:
    """One route: its name, what the token must be allowed, and what it does."""

    name: str
    method: str
    path: str
    scope: str
    process: Process


def _ways(version: str) -> list[Way]:
    objects, plans = f"/crm/objects/{version}/contacts", f"/automation/sequences/{version}"
    people = f"/crm/owners/{version}"
    see, act = "automation.sequences.read", "automation.sequences.enrollments.write"
    return [
        Way("create", "POST", objects, WRITE, contacts.create),
        Way("upsert", "POST", f"{objects}/batch/upsert", WRITE, contacts.upsert_batch),
        Way("read", "POST", f"{objects}/batch/read", READ, contacts.read_batch),
        Way("contact", "GET", f"{objects}/{{contactId}}", READ, contacts.read),
        Way("update", "PATCH", f"{objects}/{{contactId}}", WRITE, contacts.update),
        Way("owners", "GET", people, "crm.objects.owners.read", owners.list_all),
        Way("owner", "GET", f"{people}/{{ownerId}}", "crm.objects.owners.read", owners.read),
        Way("sequences", "GET", plans, see, sequences.list_all),
        Way("enroll", "POST", f"{plans}/enrollments", act, _never),
        Way("status", "GET", f"{plans}/enrollments/contact/{{contactId}}", see, sequences.status),
        Way("sequence", "GET", f"{plans}/{{sequenceId}}", see, sequences.read),
    ]


def _never(_: State, __: Asked) -> tuple[int, dict[str, Any]]:
    raise AssertionError("enroll requests are processed with their line in the ledger")


def create_app(settings: Settings | None = None, clock: Callable[[], float] | None = None) -> Starlette:
    """Return the sandbox as an ASGI application; its state is `app.state.sandbox`."""
    chosen = settings or Settings()
    state = State(chosen) if clock is None else State(chosen, clock)
    routes = [Route(way.path, _endpoint(state, way), methods=[way.method]) for way in _ways(chosen.version)]
    app = Starlette(routes=[*control.routes(state), *routes], exception_handlers={404: _unknown, 405: _unknown})
    app.state.sandbox = state
    return app


async def _unknown(_: Request, __: Exception) -> Response:
    message = "Unable to find path"
    body = {"status": "error", "message": message, "correlationId": str(uuid.uuid4())}
    return JSONResponse(body, 404)


def _endpoint(state: State, way: Way) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        raw = await request.body()
        now = state.clock()
        state.ledger.arrivals.append(now)
        asked = Asked(request.path_params, dict(request.query_params), json_of(raw))
        entry = _entered(state, asked, now) if way.name == "enroll" else None
        try:
            response = await _processed(state, way, asked, entry, request)
        except Refused as refused:
            if entry is not None:
                entry.outcome = _word(refused)
            response = JSONResponse(refused.body, refused.status, refused.headers)
        state.ledger.calls[way.name, response.status_code] += 1
        response.headers.update(state.window.headers())
        return response

    return answer


async def _processed(state: State, way: Way, asked: Asked, entry: Entry | None, request: Request) -> Response:
    _require_token(state, way, request)
    state.window.arrive(state.clock())
    fault = state.faults.strike(way.name, entry.email if entry is not None else way.name)
    if fault is not None and fault.kind == "status":
        raise by_code(fault.status, fault.code, fault.retry_after)
    await asyncio.sleep(state.settings.delay_ms.get(way.name, 0) / 1000)
    if fault is not None and fault.kind in {"drop_before", "hang"}:
        return await _gone(fault, entry, request)
    if asked.body is None and way.method != "GET":
        raise validation("Invalid input JSON")
    status, body = way.process(state, asked) if entry is None else sequences.enroll(state, asked, entry)
    await asyncio.sleep(state.settings.delay_after_ms.get(way.name, 0) / 1000)
    return JSONResponse(body, status) if fault is None else await _gone(fault, entry, request)


def _require_token(state: State, way: Way, request: Request) -> None:
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    if token not in {state.settings.token, READ_ONLY_TOKEN}:
        raise unauthenticated()
    if way.scope not in SCOPES or (token == READ_ONLY_TOKEN and way.scope == "automation.sequences.enrollments.write"):
        raise missing_scopes(way.scope)


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
