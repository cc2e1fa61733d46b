"""The practitioner's side, below `/_sandbox/`: what was received, who is there, settings and trouble."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from app.sandbox.asked import json_of
from app.sandbox.faults import Fault
from app.sandbox.page import page
from app.sandbox.settings import Settings

if TYPE_CHECKING:
    from starlette.requests import Request

    from app.sandbox.people import Person
    from app.sandbox.state import State

_FAULTS = TypeAdapter(list[Fault])


def routes(state: State) -> list[Route]:  # noqa: C901  # one small function per route
    """Return the control routes and the page."""

    async def show(_: Request) -> Response:
        return HTMLResponse(page(state))

    async def ledger(_: Request) -> Response:
        return JSONResponse(state.ledger.rows())

    async def calls(_: Request) -> Response:
        return JSONResponse(state.ledger.counts() | {"refused_by_limit": state.window.refused})

    async def people(_: Request) -> Response:
        return JSONResponse([_person(person) for person in state.everybody()])

    async def settings(request: Request) -> Response:
        told = json_of(await request.body())
        if not isinstance(told, dict) or not told.keys() <= Settings.model_fields.keys():
            return JSONResponse({"error": "an object of settings is expected"}, 422)
        try:
            for name, value in told.items():
                setattr(state.settings, name, value)
        except ValidationError as error:
            return JSONResponse({"error": str(error)}, 422)
        return JSONResponse(state.settings.model_dump())

    async def faults(request: Request) -> Response:
        try:
            state.faults.replace(_FAULTS.validate_python(json_of(await request.body())))
        except ValidationError as error:
            return JSONResponse({"error": str(error)}, 422)
        return JSONResponse({"ok": True})

    async def reset(_: Request) -> Response:
        state.reset()
        return JSONResponse({"ok": True})

    async def enroll_elsewhere(request: Request) -> Response:
        """Enroll a contact by a colleague's hand, so that the status route does not show it."""
        told = json_of(await request.body())
        if not isinstance(told, dict):
            return JSONResponse({"error": "an object is expected"}, 422)
        person = state.person(str(told.get("email", "")), by_email=True)
        plan = state.sequences.get(str(told.get("sequence", "")))
        if person is None or plan is None:
            return JSONResponse({"error": "no such contact or sequence"}, 404)
        running = state.begin(person, plan, user_id="elsewhere", sender="somebody@acme.example")
        return JSONResponse({"id": running.id})

    return [
        Route("/", show),
        Route("/_sandbox/ledger", ledger),
        Route("/_sandbox/calls", calls),
        Route("/_sandbox/people", people),
        Route("/_sandbox/settings", settings, methods=["POST"]),
        Route("/_sandbox/faults", faults, methods=["POST"]),
        Route("/_sandbox/reset", reset, methods=["POST"]),
        Route("/_sandbox/enroll-elsewhere", enroll_elsewhere, methods=["POST"]),
    ]


def _person(person: Person) -> dict[str, Any]:
    running = asdict(person.running) if person.running else None
    return {"id": person.id, "properties": person.properties, "refusal": person.refusal, "running": running}
