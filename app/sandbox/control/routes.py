"""The control routes, below `/_sandbox/`: what was received, the contacts, settings, faults and simulated events.

Each route takes `?portal=<name>` for another account than the first.
"""

from __future__ import annotations

import inspect
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from app.sandbox.control import identities, simulate, webhooks
from app.sandbox.control.errors import InvalidControlRequest
from app.sandbox.control.faults import Fault
from app.sandbox.control.page import page
from app.sandbox.request import json_of
from app.sandbox.state.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from app.sandbox.state.account import Account
    from app.sandbox.state.accounts import Accounts
    from app.sandbox.state.contacts import Contact

    Handler = Callable[[Accounts, Account, Any], Any]  # returns the body of the response, or an awaitable of it

_FAULTS = TypeAdapter(list[Fault])


@dataclass(frozen=True)
class ControlRoute:
    """One control route."""

    method: str
    path: str
    handler: Handler


def _control_routes() -> list[ControlRoute]:
    return [
        ControlRoute("GET", "ledger", lambda _, account, __: account.ledger.rows()),
        ControlRoute("GET", "calls", _calls),
        ControlRoute("GET", "people", _contacts),
        ControlRoute("GET", "workflow-enrollments", lambda _, account, __: account.ledger.workflow_rows()),
        ControlRoute("POST", "settings", _settings),
        ControlRoute("POST", "faults", _faults),
        ControlRoute("POST", "reset", _reset),
        ControlRoute("POST", "enroll-elsewhere", simulate.enroll_elsewhere),
        ControlRoute("POST", "happen", simulate.contact_event),
        ControlRoute("POST", "contacts", identities.give_addresses),
        ControlRoute("POST", "merge", identities.merge),
        ControlRoute("POST", "revoke-grants", lambda _, account, __: {"revoked": account.grants.revoke_all(account)}),
        ControlRoute("POST", "expire-tokens", lambda _, account, __: {"expired": account.grants.expire_all(account)}),
        ControlRoute("GET", "webhooks", webhooks.list_subscribers),
        ControlRoute("POST", "webhooks", webhooks.subscribe),
        ControlRoute("DELETE", "webhooks", webhooks.unsubscribe_all),
        ControlRoute("POST", "webhooks/deliver", webhooks.deliver),
        ControlRoute("POST", "workflow-webhook", webhooks.workflow_webhook),
    ]


def routes(accounts: Accounts) -> list[Route]:
    """Return the control routes and the page."""

    async def show(request: Request) -> Response:
        return HTMLResponse(page(accounts.named(request.query_params.get("portal", "")) or accounts.first))

    controls = [
        Route(f"/_sandbox/{each.path}", _endpoint(accounts, each), methods=[each.method]) for each in _control_routes()
    ]
    return [Route("/", show), *controls]


def _endpoint(accounts: Accounts, route: ControlRoute) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        body = json_of(await request.body())
        try:
            result = route.handler(accounts, _account(accounts, request), body)
            return JSONResponse(await result if inspect.isawaitable(result) else result)
        except ValidationError as error:
            return JSONResponse({"error": str(error)}, 422)
        except InvalidControlRequest as error:
            return JSONResponse({"error": str(error)}, error.status)

    return respond


def _account(accounts: Accounts, request: Request) -> Account:
    account = accounts.named(request.query_params.get("portal", ""))
    if account is None:
        raise InvalidControlRequest("no account can have this name")
    return account


def _calls(_: Accounts, account: Account, __: Any) -> dict[str, Any]:
    return account.ledger.counts() | {"refused_by_limit": account.window.refused + account.oauth_window.refused}


def _contacts(_: Accounts, account: Account, __: Any) -> list[dict[str, Any]]:
    return [_contact(contact) for contact in account.contacts()]


def _contact(contact: Contact) -> dict[str, Any]:
    running = asdict(contact.enrollment) if contact.enrollment else None
    return {"id": contact.id, "properties": contact.properties, "refusal": contact.refusal, "running": running}


def _settings(_: Accounts, account: Account, body: Any) -> dict[str, Any]:
    if not isinstance(body, dict) or not body.keys() <= Settings.model_fields.keys():
        raise InvalidControlRequest("an object of settings is expected")
    for name, value in body.items():
        setattr(account.settings, name, value)
    return account.settings.model_dump()


def _faults(_: Accounts, account: Account, body: Any) -> dict[str, bool]:
    account.faults.replace(_FAULTS.validate_python(body))
    return {"ok": True}


def _reset(_: Accounts, account: Account, __: Any) -> dict[str, bool]:
    account.reset()
    return {"ok": True}
