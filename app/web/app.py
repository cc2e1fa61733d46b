"""The HTTP applications: the public one, and the operators' one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import __version__
from app.audit.act import acting
from app.web.access.gate import ENTRY, PREFIXES, Gate, Turned
from app.web.access.record import Masking, Recorder
from app.web.headers import with_headers
from app.web.openapi import describe_examples, describe_roles, describe_webhooks
from app.web.operator_limits import capped, too_large
from app.web.problems import add_handlers, describe_problems
from app.web.webhooks import Webhooks, source_of

CONSOLE = "/admin"
MEANT = "hook"  # a path with this word was meant for a delivery; others are of scanners, mostly
# FastAPI traces by itself once a provider of OpenTelemetry is set, with the query as it came: addresses, OAuth's codes.
UNTRACED: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}


class Application(FastAPI):
    """FastAPI. Deliveries bypass its middleware; all other requests are checked before their bodies are read.

    `operators` returns the operators' routes. They are made for the first request of an operator: most processes get
    none, and the models of all routes take 4 MB in each of them, and 60 ms of its start.
    """

    deliveries: Webhooks | None = None
    gate: Gate | None = None
    recorder: Recorder | None = None
    operators: Callable[[], APIRouter] | None = None
    console: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
        elif self.deliveries is not None and source_of(scope["path"]) is not None:
            await self.deliveries(scope, receive, send)
        elif self.gate is not None and self.recorder is not None and self.gate.guards(scope["path"]):
            await self._guarded(self.gate, self.recorder, scope, receive, with_headers(send))
        elif self.console is not None and _of_console(scope["path"]):
            await self._paged(self.console, scope, receive, with_headers(send))
        else:
            await self._open(scope, receive, self._noting(scope, with_headers(send)))

    async def _guarded(self, gate: Gate, recorder: Recorder, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an operator's request. What is written down of it is written after the answer."""
        entry = gate.judge(scope)
        if isinstance(entry, Turned):
            await entry.problem.response()(scope, receive, send)
            await recorder.turned(entry)
            return
        scope[ENTRY] = entry
        answer = Masking(send, entry.token.role, scope["path"])
        try:
            with acting(entry.act):
                await self._open(scope, receive, answer)
        finally:
            await recorder.answered(entry, scope["path"], answer.status)

    async def _open(self, scope: Scope, receive: Receive, send: Send) -> None:
        if problem := too_large(scope):
            await problem.response()(scope, receive, send)
        else:
            if scope["path"].startswith(PREFIXES):
                self._include_operators()
            await super().__call__(scope, capped(receive), send)

    async def _paged(self, console: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a person's request of a page: the console judges it, since a session lets it in and no token."""
        if problem := too_large(scope):
            await problem.response()(scope, receive, send)
        else:
            await console(scope, capped(receive), send)

    def _include_operators(self) -> None:
        if self.operators is not None:
            self.include_router(self.operators())
            self.operators = None

    def _noting(self, scope: Scope, send: Send) -> Send:
        """Return `send`, which also notes a path that means a webhook and does not exist."""
        deliveries, path = self.deliveries, scope["path"]
        if deliveries is None or MEANT not in path.lower():
            return send

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == HTTPStatus.NOT_FOUND:
                deliveries.unknown_paths.note(scope["method"], path)
            await send(message)

        return noting

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, deliveries included."""
        if self.openapi_schema is None:
            self._include_operators()
            self.openapi_schema = super().openapi()
            describe_problems(self.openapi_schema)
            describe_roles(self.openapi_schema)
            describe_examples(self.openapi_schema, self.routes)
            if self.deliveries is not None:
                describe_webhooks(self.openapi_schema)
        return self.openapi_schema


def _of_console(path: str) -> bool:
    return path == CONSOLE or path.startswith(f"{CONSOLE}/")


def create_app(
    routers: Iterable[APIRouter],
    *,
    webhooks: Webhooks | None = None,
    gate: Gate | None = None,
    recorder: Recorder | None = None,
    operators: Callable[[], APIRouter] | None = None,
    console: ASGIApp | None = None,
) -> FastAPI:
    """Return an application of `routers`, and `webhooks` where given; every error is answered as a problem document.

    `console` answers what stands below `/admin`.
    `gate` lets operators in and `recorder` writes down what they do, where the application has their routes, which
    `operators` returns. Nothing is
    redirected: webhook senders take a redirect for a failure.
    """
    app = Application(
        title="Segue",
        description="Webhooks in, HubSpot sequence enrollments out.",
        version=__version__,
        openapi_url=None,  # and so no page of FastAPI's, which loads scripts of another host: see `pages.reference`
        redirect_slashes=False,
        telemetry=UNTRACED,
    )
    app.deliveries = webhooks
    app.gate, app.recorder = gate, recorder
    app.operators = operators
    app.console = console
    add_handlers(app)
    for router in routers:
        app.include_router(router)
    return app
