"""The HTTP applications: the public one, and the operators' one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.types import Receive, Scope, Send

from app import __version__
from app.web.openapi import describe_examples, describe_webhooks
from app.web.operator_limits import capped, refused
from app.web.problems import Problem, add_handlers, describe_problems
from app.web.webhooks import PREFIX, Webhooks


class Application(FastAPI):
    """FastAPI. Deliveries bypass its middleware; all other requests are checked before their bodies are read."""

    deliveries: Webhooks | None = None
    authorise: Callable[[str], Problem | None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
        elif self.deliveries is not None and scope["path"].startswith(PREFIX):
            await self.deliveries(scope, receive, send)
        elif problem := refused(scope, self.authorise):
            await problem.response()(scope, receive, send)
        else:
            await super().__call__(scope, capped(receive), send)

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, deliveries included."""
        document = super().openapi()
        describe_problems(document)
        describe_examples(document, self.routes)
        if self.deliveries is not None:
            describe_webhooks(document)
        return document


def create_app(
    routers: Iterable[APIRouter],
    *,
    webhooks: Webhooks | None = None,
    authorise: Callable[[str], Problem | None] | None = None,
) -> FastAPI:
    """Return an application of `routers`, and `webhooks` where given; every error is answered as a problem document.

    `authorise` checks operators' tokens, where the application has their routes. Nothing is redirected: webhook senders
    take a redirect for a failure.
    """
    app = Application(
        title="Segue",
        description="Webhooks in, HubSpot sequence enrollments out.",
        version=__version__,
        docs_url="/docs",
        redoc_url=None,
        redirect_slashes=False,
    )
    app.deliveries = webhooks
    app.authorise = authorise
    add_handlers(app)
    for router in routers:
        app.include_router(router)
    return app
