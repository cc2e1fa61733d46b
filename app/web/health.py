"""Health for orchestrators and Prometheus: alive, ready (each dependency by name), and the metrics."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel

from app.clock import in_words
from app.errors import Busy
from app.hubspot.spent_days_store import accounts_with_spent_days
from app.observability.shared import PARENT
from app.outbound.wiring import endpoint_status
from app.reports.store import StoredReader
from app.senders.wiring import sender_status
from app.web.auth import ANSWERS

if TYPE_CHECKING:
    from app.process import Process
    from app.rules.rulebook import Rulebook

CHECK_SECONDS = 2.0


class Alive(BaseModel, json_schema_extra={"example": {"status": "ok", "practice": False}}):
    """It answers at all. `practice` says that everything it enrolls goes to the sandbox that it has started."""

    status: str
    practice: bool


CHECKS = {"database": "ok", "rulebook": "ok", "service": "ok", "web": "ok", "worker": "ok"}
DEGRADING = frozenset({"web", "worker"})  # deliveries are received and stored without them


class Readiness(BaseModel, json_schema_extra={"example": {"status": "ready", "checks": CHECKS}}):
    """Whether deliveries can be received, and what each part says: `ok`, or what is wrong.

    `degraded` is answered with 200: a process of the service has ended, and is being started again.
    """

    status: str
    checks: dict[str, str]


TOKEN_ANSWERS = {status: answer for status, answer in ANSWERS.items() if status != 503}  # noqa: PLR2004  # it answers without the store
NOT_READY: dict[int | str, dict[str, Any]] = {503: {"description": "Not ready", "model": Readiness}}


def health(process: Process) -> APIRouter:
    """Return `/healthz` and `/readyz`."""
    routes, reader = APIRouter(tags=["health"]), StoredReader(process.engine)

    @routes.get("/healthz", summary="Alive: touches nothing", response_model=Alive)
    async def healthz() -> dict[str, Any]:
        return {"status": "ok", "practice": process.practice}

    @routes.get("/readyz", summary="Ready: each dependency by name", response_model=Readiness, responses=NOT_READY)
    async def readyz(response: Response) -> dict[str, Any]:
        checks = {
            "database": await _database(reader),
            "rulebook": "ok" if process.rulebook.current is not None else "no rulebook is loaded",
            "service": "stopping" if process.stopping.is_set() else "ok",
            **_processes(process),
        }
        wrong = {name for name, found in checks.items() if found != "ok"}
        status = "ready" if not wrong else "degraded" if wrong <= DEGRADING else "not ready"
        response.status_code = 503 if status == "not ready" else 200
        return {"status": status, "checks": checks}

    return routes


def _processes(process: Process) -> dict[str, str]:
    """Return what is to be said of the processes of each role; nothing where this one runs alone."""
    roles = process.shared.roles() if process.shared else {}
    return {
        role: "ok" if ready == count else f"{ready} of {count} processes run; the others are being started"
        for role, (ready, count) in roles.items()
    }


async def _database(reader: StoredReader) -> str:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await reader.ping()
    except TimeoutError:
        return f"no answer within {in_words(CHECK_SECONDS)}"
    except Busy:
        return "unavailable"  # strangers may ask, and the driver's words are in the log
    return "ok"


def metrics(process: Process) -> APIRouter:
    """Return `/metrics`."""
    routes = APIRouter(tags=["health"])

    @routes.get("/metrics", summary="Metrics for Prometheus", response_class=Response, responses=TOKEN_ANSWERS)
    async def show() -> Response:
        return Response(await _page(process), media_type="text/plain; version=0.0.4; charset=utf-8")

    return routes


async def _page(process: Process) -> bytes:
    """Return the metrics. The gauges that count rows are read on each request."""
    reader = StoredReader(process.engine)
    for slot in process.shared.slots if process.shared else ():
        if slot.role != PARENT:
            process.metrics.process_up(slot.name, slot.ready)
    # A database that does not answer in time leaves the gauges as they were: the counters are shown all the same.
    with suppress(Busy, TimeoutError):
        async with asyncio.timeout(CHECK_SECONDS):
            await _read_gauges(process, reader)
    return process.metrics.page()


async def _read_gauges(process: Process, reader: StoredReader) -> None:
    metrics, book = process.metrics, process.rulebook.current
    metrics.backlog(*await reader.backlog())
    metrics.thin_events(await reader.thin_events())
    metrics.spent_days(await accounts_with_spent_days(process.engine))
    metrics.endpoints(await endpoint_status(process).gauges())
    if book is not None:
        metrics.overdue_looks(await reader.overdue_looks(book.accounts))
        senders = await sender_status(process).all()
        metrics.senders((one.account, one.name, one.left, one.paused_at is not None) for one in senders)
        metrics.accounts(await _connected(process, book))


async def _connected(process: Process, book: Rulebook) -> dict[str, bool]:
    """Return the accounts that join by OAuth, each with whether its grant is active. Raises Busy."""
    if process.oauth is None:
        return {}
    states = {row["account"]: row["state"] for row in await process.oauth.grants.listed()}
    joining = (account.name for account in book.accounts.values() if account.oauth)
    return {name: states.get(name) == "active" for name in joining}
