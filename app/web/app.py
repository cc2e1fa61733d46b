"""The HTTP applications: what strangers may call, and what operators may call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi

from app.web.problems import add_handlers
from app.web.webhooks import Webhooks, describe

DESCRIPTION = "Webhooks in, HubSpot sequence enrollments out."


def create_app(routers: Iterable[APIRouter], *, version: str, webhooks: Webhooks | None = None) -> FastAPI:
    """Return an application of `routers`, and `webhooks` where given; whatever goes wrong is a problem document.

    Nothing is redirected: webhook senders take a redirect for a failure.
    """
    app = FastAPI(
        title="Segue",
        description=DESCRIPTION,
        version=version,
        docs_url="/docs",
        redoc_url=None,
        redirect_slashes=False,
    )
    add_handlers(app)
    for router in routers:
        app.include_router(router)
    if webhooks is not None:
        app.mount("/webhooks", webhooks)

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            if webhooks is not None:
                describe(document)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to add to the document
    return app
