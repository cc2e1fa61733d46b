"""`/api/v1/outbound`: the events for the operator's own systems."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel

from app.outbound.operator_store import OutboundOperatorStore
from app.web.api.common import LIMIT, Identity, Limit, Name, Page, or_404, page, resource
from app.web.pagination import OutboundCursor

if TYPE_CHECKING:
    from app.process import Process

OutboundState = Literal["waiting", "sending", "delivered", "failed"]
Kind = Literal["enrolled", "refused", "parked", "ended", "replied", "forgotten", "test"]
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


def routes(process: Process) -> APIRouter:
    """Return the routes."""
    router, store = resource(), OutboundOperatorStore(process.engine)

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

    return router
