"""`/api/v1/outbound`: the events for the operator's own systems, and sending them again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import structlog
from fastapi import APIRouter
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field

from app.outbound.operator_store import OutboundOperatorStore
from app.outbound.wiring import endpoint_status
from app.web.api.common import LIMIT, UNREADABLE, Identity, Limit, Name, Page, or_404, page, resource
from app.web.fields import Storable
from app.web.pagination import OutboundCursor
from app.web.problems import Problem

if TYPE_CHECKING:
    from app.outbound.status import EndpointStatuses
    from app.process import Process

OutboundState = Literal["waiting", "sending", "delivered", "failed"]
Kind = Literal["enrolled", "refused", "parked", "ended", "replied", "test"]
EVENT: dict[str, Any] = {
    "id": "out_019ab2c3d4e5f60718293a4b5c6d7e90",
    "endpoint": "crm",
    "kind": "enrolled",
    "enrollment_id": "enr_019ab2c3d4e5f60718293a4b5c6d7e84",
    "state": "waiting",
    "due_at": "2026-11-23T09:05:01Z",
    "attempt": 2,
    "tries": 2,
    "last_status": 500,
    "last_error": "status 500",
    "delivered_at": None,
    "created_at": "2026-11-23T09:00:00Z",
    "updated_at": "2026-11-23T09:00:06Z",
}
ATTEMPT: dict[str, Any] = {
    "at": "2026-11-23T09:00:06Z",
    "status": 500,
    "error": "status 500",
    "milliseconds": 41,
    "answer": "Internal Server Error",
}
UNDER_WAY: dict[int | str, dict[str, Any]] = {409: {"description": "It is on its way right now"}}

log = structlog.get_logger(__name__)


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("no such time in UTC") from error


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class OutboundRow(BaseModel, json_schema_extra={"example": EVENT}):
    """One event for one endpoint; its id is the `webhook-id`.

    `tries` counts the failures since it was noted or replayed, `due_at` says when it is sent (again).
    """

    id: str
    endpoint: str
    kind: str
    enrollment_id: str | None
    state: str
    due_at: datetime
    attempt: int
    tries: int
    last_status: int | None
    last_error: str | None
    delivered_at: datetime | None
    created_at: datetime
    updated_at: datetime


class AttemptRow(BaseModel, json_schema_extra={"example": ATTEMPT}):
    """What came of one attempt; `answer` is the beginning of what the endpoint answered, where that was no 2xx."""

    at: datetime
    status: int | None
    error: str | None
    milliseconds: int
    answer: str | None


class OutboundDetail(
    OutboundRow,
    json_schema_extra={
        "example": EVENT | {"body": '{"type":"enrollment.enrolled","timestamp":"...",...}', "attempts": [ATTEMPT]}
    },
):
    """One event with the body that is sent every time, and its last twenty attempts, oldest first."""

    body: str
    attempts: list[AttemptRow]


class OutboundPage(Page[OutboundRow], json_schema_extra={"example": {"items": [EVENT], "next_cursor": EVENT["id"]}}):
    """One page of events; `next_cursor` asks for the next one, null on the last."""


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


def routes(process: Process) -> APIRouter:
    """Return the routes."""
    router, store = resource(), OutboundOperatorStore(process.engine)
    _add_events(router, store)
    _add_replays(router, store, endpoint_status(process))
    return router


def _add_events(router: APIRouter, store: OutboundOperatorStore) -> None:
    @router.get("/outbound", response_model=OutboundPage)
    async def listed(
        endpoint: Name = None,
        kind: Kind | None = None,
        state: OutboundState | None = None,
        enrollment_id: Name = None,
        cursor: OutboundCursor = None,
        limit: Limit = LIMIT,
    ) -> dict[str, Any]:
        """List the events that your own systems received, or will receive, newest first."""
        filters = {"endpoint": endpoint, "kind": kind, "state": state, "enrollment_id": enrollment_id}
        return page(await store.page(filters, cursor, limit + 1), limit)

    @router.get("/outbound/{outbound_id}", response_model=OutboundDetail)
    async def one(outbound_id: Identity) -> Mapping[str, Any]:
        """Return one event with the body that is sent, and what came of each attempt."""
        return or_404(await store.one(outbound_id), outbound_id)


def _add_replays(router: APIRouter, store: OutboundOperatorStore, statuses: EndpointStatuses) -> None:
    @router.post("/outbound/replay", response_model=Replayed, responses=UNREADABLE)
    async def replay_many(request: Replay) -> dict[str, int]:
        """Send an endpoint's events of a period again: those that failed, those it took, or all."""
        if not statuses.known(request.endpoint) and not await store.knows(request.endpoint):
            raise Problem(
                404, "not-found", "No endpoint is called so: neither in the rules in force nor in the record."
            )
        states = ("failed", "delivered") if request.state == "all" else (request.state,)
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
        if not allowed:
            raise Problem(409, "wrong-state", "It is on its way right now: look again when it has been answered.")
        log.info("outbound.replayed", outbound_id=outbound_id, endpoint=row["endpoint"])
        return row
