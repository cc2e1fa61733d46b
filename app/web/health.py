"""Health for orchestrators and Prometheus: alive, ready (each dependency by name), and the metrics."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeAlias

from fastapi import APIRouter, Response
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

CHECK_SECONDS = 2.0
Check: TypeAlias = "Callable[[], Awaitable[str | None]]"


class Alive(BaseModel, json_schema_extra={"example": {"status": "ok", "practice": False}}):
    """It answers at all. `practice` says that everything it enrolls goes to the sandbox that it has started."""

    status: str
    practice: bool


class Readiness(
    BaseModel,
    json_schema_extra={"example": {"status": "ready", "checks": {"database": "ok", "rulebook": "ok", "service": "ok"}}},
):
    """Whether it can work, and what each dependency says: `ok`, or what is wrong."""

    status: str
    checks: dict[str, str]


NOT_READY: dict[int | str, dict[str, Any]] = {503: {"description": "Not ready", "model": Readiness}}


def health(checks: Mapping[str, Check], *, practice: bool) -> APIRouter:
    """Return `/healthz` and `/readyz`. A check returns None, or the problem in a few words."""
    routes = APIRouter(tags=["health"])

    @routes.get("/healthz", summary="Alive: touches nothing", response_model=Alive)
    async def healthz() -> dict[str, Any]:
        return {"status": "ok", "practice": practice}

    @routes.get("/readyz", summary="Ready: each dependency by name", response_model=Readiness, responses=NOT_READY)
    async def readyz(response: Response) -> dict[str, Any]:
        problems = await asyncio.gather(*(_checked(check) for check in checks.values()))
        described = {name: problem or "ok" for name, problem in zip(checks, problems, strict=True)}
        ready = not any(problems)
        response.status_code = 200 if ready else 503
        return {"status": "ready" if ready else "not ready", "checks": described}

    return routes


async def _checked(check: Check) -> str | None:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check()
    except TimeoutError:
        return f"no answer within {CHECK_SECONDS:g} s"


def metrics(page: Callable[[], Awaitable[bytes]]) -> APIRouter:
    """Return `/metrics`."""
    routes = APIRouter(tags=["health"])

    @routes.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
    async def show() -> Response:
        return Response(await page(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return routes
