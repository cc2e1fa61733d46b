"""`/api/v1/outbound/replay`: an operator sends one event again, or an endpoint's events of a period."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import structlog
from fastapi import APIRouter
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field

from app.outbound.operator_store import MOST_COUNTED, OutboundOperatorStore
from app.outbound.wiring import endpoint_status
from app.web.access.routes import READS
from app.web.api.common import UNREADABLE, Identity, or_404, resource
from app.web.api.outbound import OutboundDetail
from app.web.fields import Storable, in_utc
from app.web.problems import Problem

if TYPE_CHECKING:
    from app.outbound.status import EndpointStatuses
    from app.process import Process

UNDER_WAY: dict[int | str, dict[str, Any]] = {409: {"description": "It is on its way right now, or was erased"}}

log = structlog.get_logger(__name__)


Moment = Annotated[AwareDatetime, AfterValidator(in_utc)]


class Replay(
    BaseModel,
    extra="forbid",
    json_schema_extra={
        "example": {"endpoint": "crm", "since": "2026-11-23T08:00:00Z", "until": None, "state": "failed"}
    },
):
    """What is sent again: events of one endpoint, noted from `since` on and before `until`."""

    endpoint: Storable = Field(max_length=200, description="Its name in the rules")
    since: Moment
    until: Moment | None = None
    state: Literal["failed", "delivered", "all"] = Field(
        "failed", description="`delivered` or `all` after the endpoint lost what it had taken"
    )


class Replayed(BaseModel, json_schema_extra={"example": {"replayed": 12}}):
    """How many are sent again."""

    replayed: int


class ReplayCount(BaseModel, json_schema_extra={"example": {"failed": 12, "delivered": 0, "total": 12, "more": False}}):
    """How many would be sent again. Of each state 10,000 are counted at most, and then `more` is true."""

    failed: int
    delivered: int
    total: int
    more: bool


def routes(process: Process) -> APIRouter:
    """Return the routes."""
    router, store, statuses = resource(), OutboundOperatorStore(process.engine), endpoint_status(process)

    @router.post("/outbound/replay/count", response_model=ReplayCount, responses=UNREADABLE, openapi_extra=READS)
    async def count(request: Replay) -> dict[str, int | bool]:
        """Count what a replay of the same request would send again, and send nothing."""
        await _require_known(request.endpoint, statuses, store)
        states = _states(request)
        found = await store.count_replay(request.endpoint, since=request.since, until=request.until, states=states)
        shown = {state: min(number, MOST_COUNTED) for state, number in found.items()}
        return {**shown, "total": sum(shown.values()), "more": shown != found}

    @router.post("/outbound/replay", response_model=Replayed, responses=UNREADABLE)
    async def replay_many(request: Replay) -> dict[str, int]:
        """Send an endpoint's events of a period again: those that failed, those it took, or all."""
        await _require_known(request.endpoint, statuses, store)
        states = _states(request)
        replayed = await store.replay_many(request.endpoint, since=request.since, until=request.until, states=states)
        log.info("outbound.replayed", endpoint=request.endpoint, state=request.state, count=replayed)
        return {"replayed": replayed}

    @router.post("/outbound/{outbound_id}/replay", response_model=OutboundDetail, responses=UNDER_WAY)
    async def replay(outbound_id: Identity) -> Mapping[str, Any]:
        """Send one event again: the same bytes under the same `webhook-id`, with all its tries.

        It is due at once. It waits for an open breaker or a disabled endpoint as all events do.
        """
        allowed = await store.replay(outbound_id)
        row = or_404(await store.one(outbound_id), outbound_id)
        if not allowed and row["state"] == "delivered":
            raise Problem(409, "wrong-state", "It says that a person was forgotten, and was erased with its delivery.")
        if not allowed:
            raise Problem(409, "wrong-state", "It is on its way right now: look again when it has been answered.")
        log.info("outbound.replayed", outbound_id=outbound_id, endpoint=row["endpoint"])
        return row

    return router


async def _require_known(endpoint: str, statuses: EndpointStatuses, store: OutboundOperatorStore) -> None:
    if not statuses.known(endpoint) and not await store.knows(endpoint):
        raise Problem(404, "not-found", "No endpoint is called so: neither in the rules in force nor in the record.")


def _states(request: Replay) -> tuple[str, ...]:
    return ("failed", "delivered") if request.state == "all" else (request.state,)
