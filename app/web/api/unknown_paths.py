"""`/api/v1/sources/unknown-paths`: requests of webhooks that were answered 404, which some senders take for the end."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from pydantic import BaseModel

from app.web.api.common import resource

if TYPE_CHECKING:
    from app.process import Process

PATH: dict[str, Any] = {
    "method": "POST",
    "path": "/webhooks/demo-from",
    "count": 3,
    "first_at": "2026-11-23T09:00:00.102000Z",
    "last_at": "2026-11-23T09:04:31.774000Z",
    "near": "demo-form",
}


class UnknownPathRow(BaseModel, json_schema_extra={"example": PATH}):
    """One path that is no source's. `near` is the source whose name resembles it most, null where none does."""

    method: str
    path: str
    count: int
    first_at: datetime
    last_at: datetime
    near: str | None


class UnknownPathList(BaseModel, json_schema_extra={"example": {"items": [PATH]}}):
    """The last 20 unknown paths that the processes of this service were asked for, the latest first."""

    items: list[UnknownPathRow]


def routes(process: Process) -> APIRouter:
    """Return the routes."""
    router = resource()

    @router.get("/sources/unknown-paths", response_model=UnknownPathList)
    async def unknown_paths() -> dict[str, Any]:
        """List the paths of webhooks that were answered 404 by this service since it started."""
        book = process.rulebook.current
        sources = book.sources if book is not None else ()
        return {"items": [{**asdict(one), "near": near(one.path, sources)} for one in process.unknown_paths.latest()]}

    return router


def near(path: str, sources: Collection[str]) -> str | None:
    """Return the source whose name resembles a path most, None where none does."""
    name = path.removesuffix("/...").rpartition("/")[2]
    return next(iter(get_close_matches(name, sources, n=1)), None)
