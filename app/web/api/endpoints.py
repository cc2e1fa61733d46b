"""`/api/v1/endpoints`: the status of the operator's own endpoints, and testing or enabling one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import structlog
from fastapi import APIRouter
from pydantic import BaseModel

from app.clock import utc_now
from app.outbound.operator_store import OutboundOperatorStore
from app.outbound.status import EndpointStatus
from app.outbound.trial import trial_body
from app.outbound.wiring import endpoint_status
from app.web.api.common import Identity, or_404, resource
from app.web.api.outbound import OutboundDetail
from app.web.problems import Problem

if TYPE_CHECKING:
    from app.process import Process

ENDPOINT: dict[str, Any] = {
    "name": "crm",
    "url": "https://crm.acme.example/hooks/segue",
    "events": ["enrolled", "replied"],
    "accounts": None,
    "state": "open",
    "failures": 5,
    "open_until": "2026-11-23T09:00:30Z",
    "disabled_at": None,
    "waiting": 12,
    "failed": 0,
    "oldest_seconds": 41.5,
    "last_success_at": "2026-11-23T08:59:00Z",
    "last_error": "status 502",
    "last_error_at": "2026-11-23T09:00:00Z",
}

log = structlog.get_logger(__name__)


class EndpointRow(EndpointStatus, json_schema_extra={"example": ENDPOINT}):
    """One endpoint. `state` is `closed` (everything goes out), `half-open`, `open`, `disabled` or `not-in-rules`.

    `url` is as the rules have it. `failures` are in a row; `waiting` includes what is on its way.
    """


class EndpointList(BaseModel, json_schema_extra={"example": {"items": [ENDPOINT]}}):
    """All endpoints of the rules in force, and those that left them with something waiting."""

    items: list[EndpointRow]


def routes(process: Process) -> APIRouter:
    """Return the routes."""
    router, store, statuses = resource(), OutboundOperatorStore(process.engine), endpoint_status(process)

    @router.get("/endpoints", response_model=EndpointList)
    async def endpoints() -> dict[str, Any]:
        """List your endpoints: breaker, what waits, what failed, how they answered last."""
        return {"items": await statuses.all()}

    @router.post("/endpoints/{name}/enable", response_model=EndpointRow)
    async def enable(name: Identity) -> EndpointStatus:
        """Send to an endpoint again at once: one that answered 410, or one whose breaker is open."""
        if not statuses.known(name):
            raise _unknown()
        await store.enable(name)
        log.info("endpoint.enabled", endpoint=name)
        status = next((one for one in await statuses.all() if one.name == name), None)
        if status is None:
            raise _unknown()  # a reload has just removed it from the rules, and no event waits for it
        return status

    @router.post("/endpoints/{name}/test", response_model=OutboundDetail, status_code=202)
    async def test(name: Identity) -> Mapping[str, Any]:
        """Send a `segue.test` event to an endpoint, as all others go; read it again to see what came of it."""
        if not statuses.known(name):
            raise _unknown()
        id_ = await store.test(name, trial_body(name, utc_now()))
        log.info("endpoint.tested", endpoint=name, outbound_id=id_)
        return or_404(await store.one(id_), id_)

    return router


def _unknown() -> Problem:
    return Problem(404, "not-found", "No endpoint of the rules in force is called so.")
