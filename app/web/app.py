"""The HTTP applications: what strangers may call, and what operators may call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

from app.web.problems import add_handlers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastapi import APIRouter

DESCRIPTION = "Webhooks in, HubSpot sequence enrollments out."


def create_app(routers: Iterable[APIRouter], *, version: str) -> FastAPI:
    """Return an application of `routers` with problem documents for whatever goes wrong."""
    app = FastAPI(title="Segue", description=DESCRIPTION, version=version, docs_url="/docs", redoc_url=None)
    add_handlers(app)
    for router in routers:
        app.include_router(router)
    return app
