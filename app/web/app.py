"""The HTTP applications: the public one, and the operators' one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.types import Message, Receive, Scope, Send

from app import __version__
from app.web.auth import PREFIXES
from app.web.openapi import describe_examples, describe_webhooks
from app.web.operator_limits import capped, refused
from app.web.problems import Problem, add_handlers, describe_problems
from app.web.webhooks import Webhooks, source_of

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
    authorise: Callable[[str], Problem | None] | None = None
    operators: Callable[[], APIRouter] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
        elif self.deliveries is not None and source_of(scope["path"]) is not None:
            await self.deliveries(scope, receive, send)
        elif problem := refused(scope, self.authorise):
            await problem.response()(scope, receive, send)
        else:
            if scope["path"].startswith(PREFIXES):
                self._include_operators()
            await super().__call__(scope, capped(receive), self._noting(scope, send))

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
            describe_examples(self.openapi_schema, self.routes)
            if self.deliveries is not None:
                describe_webhooks(self.openapi_schema)
        return self.openapi_schema


def create_app(
    routers: Iterable[APIRouter],
    *,
    webhooks: Webhooks | None = None,
    authorise: Callable[[str], Problem | None] | None = None,
    operators: Callable[[], APIRouter] | None = None,
) -> FastAPI:
    """Return an application of `routers`, and `webhooks` where given; every error is answered as a problem document.

    `authorise` checks operators' tokens, where the application has their routes, which `operators` returns. Nothing is
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
    app.authorise = authorise
    app.operators = operators
    add_handlers(app)
    for router in routers:
        app.include_router(router)
    return app
