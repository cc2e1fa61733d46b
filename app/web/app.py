"""The HTTP applications: what strangers may call, and what operators may call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.types import Receive, Scope, Send

from app.web.problems import add_handlers, describe_problems
from app.web.webhooks import PREFIX, Webhooks, describe

DESCRIPTION = "Webhooks in, HubSpot sequence enrollments out."


class Application(FastAPI):
    """FastAPI, with a shorter way for deliveries: they pass none of its middleware."""

    deliveries: Webhooks | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self.deliveries is not None and scope["type"] == "http" and scope["path"].startswith(PREFIX):
            await self.deliveries(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, deliveries included."""
        document = super().openapi()
        describe_problems(document)
        if self.deliveries is not None:
            describe(document)
        return document


def create_app(routers: Iterable[APIRouter], *, version: str, webhooks: Webhooks | None = None) -> FastAPI:
    """Return an application of `routers`, and `webhooks` where given; whatever goes wrong is a problem document.

    Nothing is redirected: webhook senders take a redirect for a failure.
    """
    app = Application(
        title="Segue",
        description=DESCRIPTION,
        version=version,
        docs_url="/docs",
        redoc_url=None,
        redirect_slashes=False,
    )
    app.deliveries = webhooks
    add_handlers(app)
    for router in routers:
        app.include_router(router)
    return app
