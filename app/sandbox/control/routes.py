"""The practitioner's side, below `/_sandbox/`: what was received, who is there, settings and trouble.

Each route takes `?portal=<name>` for another account than the first.
"""

from __future__ import annotations

import inspect
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from app.sandbox.control import simulate as happenings
from app.sandbox.control import webhooks as hooks
from app.sandbox.control.errors import Mistaken
from app.sandbox.control.faults import Fault
from app.sandbox.control.page import page
from app.sandbox.request import json_of
from app.sandbox.state.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from app.sandbox.state.account import State
    from app.sandbox.state.accounts import Portals
    from app.sandbox.state.contacts import Person

    Act = Callable[[Portals, State, Any], Any]  # what it returns, or what its awaiting gives, is the answer

_FAULTS = TypeAdapter(list[Fault])


@dataclass(frozen=True)
class Handle:
    """One control route."""

    method: str
    path: str
    act: Act


def _handles() -> list[Handle]:
    return [
        Handle("GET", "ledger", lambda _, state, __: state.ledger.rows()),
        Handle("GET", "calls", _calls),
        Handle("GET", "people", lambda _, state, __: [_person(person) for person in state.everybody()]),
        Handle("GET", "workflow-enrollments", lambda _, state, __: state.ledger.workflow_rows()),
        Handle("POST", "settings", _settings),
        Handle("POST", "faults", _faults),
        Handle("POST", "reset", _reset),
        Handle("POST", "enroll-elsewhere", happenings.enroll_elsewhere),
        Handle("POST", "happen", happenings.happen),
        Handle("POST", "revoke-grants", lambda _, state, __: {"revoked": state.grants.revoke(state)}),
        Handle("GET", "webhooks", hooks.listed),
        Handle("POST", "webhooks", hooks.subscribe),
        Handle("DELETE", "webhooks", hooks.end),
        Handle("POST", "webhooks/deliver", hooks.deliver),
        Handle("POST", "workflow-webhook", hooks.workflow_webhook),
    ]


def routes(portals: Portals) -> list[Route]:
    """Return the control routes and the page."""

    async def show(request: Request) -> Response:
        return HTMLResponse(page(portals.named(request.query_params.get("portal", "")) or portals.first))

    handles = [Route(f"/_sandbox/{one.path}", _endpoint(portals, one), methods=[one.method]) for one in _handles()]
    return [Route("/", show), *handles]


def _endpoint(portals: Portals, handle: Handle) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        told = json_of(await request.body())
        try:
            done = handle.act(portals, _named(portals, request), told)
            return JSONResponse(await done if inspect.isawaitable(done) else done)
        except ValidationError as error:
            return JSONResponse({"error": str(error)}, 422)
        except Mistaken as error:
            return JSONResponse({"error": str(error)}, error.status)

    return answer


def _named(portals: Portals, request: Request) -> State:
    state = portals.named(request.query_params.get("portal", ""))
    if state is None:
        raise Mistaken("no account can have this name")
    return state


def _calls(_: Portals, state: State, __: Any) -> dict[str, Any]:
    return state.ledger.counts() | {"refused_by_limit": state.window.refused + state.oauth_window.refused}


def _settings(_: Portals, state: State, told: Any) -> dict[str, Any]:
    if not isinstance(told, dict) or not told.keys() <= Settings.model_fields.keys():
        raise Mistaken("an object of settings is expected")
    for name, value in told.items():
        setattr(state.settings, name, value)
    return state.settings.model_dump()


def _faults(_: Portals, state: State, told: Any) -> dict[str, bool]:
    state.faults.replace(_FAULTS.validate_python(told))
    return {"ok": True}


def _reset(_: Portals, state: State, __: Any) -> dict[str, bool]:
    state.reset()
    return {"ok": True}


def _person(person: Person) -> dict[str, Any]:
    running = asdict(person.running) if person.running else None
    return {"id": person.id, "properties": person.properties, "refusal": person.refusal, "running": running}
