"""`/api/v1/audit`: who did what, from where, and what it changed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AfterValidator, AwareDatetime, BaseModel

from app.audit.store import AuditFilters, AuditStore
from app.web.api.common import LIMIT, Limit, Name, Page, page, resource
from app.web.fields import STORABLE, in_utc
from app.web.pagination import AuditCursor

if TYPE_CHECKING:
    from app.process import Process

ROW: dict[str, Any] = {
    "id": "aud_019ab2c3d4e5f60718293a4b5c6d7e95",
    "at": "2026-11-23T09:00:00.102000Z",
    "who": "olga",
    "role": "operator",
    "origin": "192.0.2.7",
    "what": "POST /api/v1/enrollments/{enrollment_id}/cancel",
    "target": "enr_019ab2c3d4e5f60718293a4b5c6d7e84",
    "before": {"state": ["parked"]},
    "after": {"state": "cancelled", "enrollments": ["enr_019ab2c3d4e5f60718293a4b5c6d7e84"]},
    "revision": "4f2c9a10be77",
    "outcome": "done",
    "status": None,
}
Target = Annotated[
    str | None,
    Query(max_length=500, pattern=STORABLE, description="What acts are about, as it is listed: an id, a name"),
]
Time = Annotated[AwareDatetime | None, Query(description="With its offset from UTC"), AfterValidator(in_utc)]


class AuditRow(BaseModel, json_schema_extra={"example": ROW}):
    """One act. `who` is a token's name, `cli`, `system`, `browser` (by an install link) or `stranger` (no right token).

    `origin` is the client's address, of a command its user and machine. `before` and `after` are what it changed, both
    null where it changed nothing; people are masked. `revision` is that of the rules in force. `outcome` is `done`,
    `refused` or `failed`, and then `status` is that of the answer.
    """

    id: str
    at: datetime
    who: str
    role: str | None
    origin: str
    what: str
    target: str | None
    before: Any
    after: Any
    revision: str | None
    outcome: str
    status: int | None


class AuditPage(Page[AuditRow], json_schema_extra={"example": {"items": [ROW], "next_cursor": ROW["id"]}}):
    """One page of the log; `next_cursor` asks for the next one, null on the last."""


def routes(process: Process) -> APIRouter:
    """Return the routes."""
    router, store = resource(), AuditStore(process.engine)

    @router.get("/audit", response_model=AuditPage)
    async def listed(  # each is a filter of the list
        who: Name = None,
        what: Name = None,
        target: Target = None,
        since: Time = None,
        until: Time = None,
        cursor: AuditCursor = None,
        limit: Limit = LIMIT,
    ) -> dict[str, Any]:
        """List what operators, commands and starts did, and who was refused, newest first."""
        filters = AuditFilters(
            who=who, what=what, target=target, since=since, until=until, before=cursor, limit=limit + 1
        )
        return page(await store.page(filters), limit)

    return router
