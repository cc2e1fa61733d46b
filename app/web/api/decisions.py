"""`/api/v1/decisions`: which rule decided about an event, or why none did."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AfterValidator, BaseModel, Field

from app.model import Filters, Verdict
from app.reports.store import StoredReader
from app.rules.actions import ACTIONS
from app.web.access.routes import READS
from app.web.api.common import LIMIT, UNREADABLE, Identity, Limit, Name, Page, Search, Text, or_404, page, resource
from app.web.pagination import DecisionCursor, in_body

if TYPE_CHECKING:
    from app.process import Process

DECISION: dict[str, Any] = {
    "id": "dec_019ab2c3d4e5f60718293a4b5c6d7e83",
    "event_id": "evt_019ab2c3d4e5f60718293a4b5c6d7e82",
    "delivery_id": "dlv_019ab2c3d4e5f60718293a4b5c6d7e81",
    "source": "demo-form",
    "email": "ada@corp.example",
    "verdict": "enroll",
    "reason": "matched",
    "rule": "demo-request",
    "line": 21,
    "revision": "4f2c9a10be77",
    "facts": [{"rule": "demo-request", "line": 21, "matched": True, "because": "matched", "error": False}],
    "enrollment_id": "enr_019ab2c3d4e5f60718293a4b5c6d7e84",
    "decided_at": "2026-11-23T09:00:00.104000Z",
    "replaces": None,
}
VERDICTS = sorted({*ACTIONS, *Verdict})


def _known(verdict: str | None) -> str | None:
    if verdict is not None and verdict not in VERDICTS:
        raise ValueError(f"there is no such verdict; there are {', '.join(VERDICTS)}")
    return verdict


VerdictName = Annotated[
    str | None,
    Query(max_length=200, description="How the decision ended", json_schema_extra={"enum": VERDICTS}),
    AfterValidator(_known),
]
CONSIDERED: list[dict[str, Any]] = [
    {"sender": "anna", "chosen": True, "because": "has most left: 212 of 400"},
    {"sender": "ben", "chosen": False, "because": "has 180 left, anna more"},
]


class DecisionRow(BaseModel, json_schema_extra={"example": DECISION}):
    """Which rule decided, or why none did. `replaces` is the decision about the same event before this one."""

    id: str
    event_id: str
    delivery_id: str
    source: str
    email: str | None
    verdict: str
    reason: str
    rule: str | None
    line: int | None
    revision: str
    facts: list[dict[str, Any]]
    enrollment_id: str | None
    decided_at: datetime
    replaces: str | None = None


class DecisionDetail(
    DecisionRow, json_schema_extra={"example": DECISION | {"sender": "anna", "assignment": CONSIDERED}}
):
    """One decision. `assignment` says of each sender why it was taken or not, null until a sender is chosen."""

    sender: str | None
    assignment: list[dict[str, Any]] | None


class DecisionPage(Page[DecisionRow], json_schema_extra={"example": {"items": [DECISION], "next_cursor": None}}):
    """One page of decisions."""


class DecisionSearch(Search, json_schema_extra={"example": {"email": "ada@corp.example", "verdict": "enroll"}}):
    """About whom decisions are listed."""

    rule: Text = None
    verdict: Annotated[str | None, Field(json_schema_extra={"enum": [*VERDICTS, None]}), AfterValidator(_known)] = None
    cursor: Annotated[str | None, in_body("dec")] = None


def routes(process: Process) -> APIRouter:
    """Return the routes."""
    router, reader = resource(), StoredReader(process.engine)

    @router.get("/decisions", response_model=DecisionPage)
    async def decisions(  # each is a filter of the list
        source: Name = None,
        rule: Name = None,
        verdict: VerdictName = None,
        cursor: DecisionCursor = None,
        limit: Limit = LIMIT,
    ) -> dict[str, Any]:
        """List decisions, newest first."""
        filters = Filters(source=source, rule=rule, verdict=verdict, after=cursor, limit=limit + 1)
        return page(await reader.decisions(filters), limit)

    @router.post("/decisions/search", response_model=DecisionPage, responses=UNREADABLE, openapi_extra=READS)
    async def search(wanted: DecisionSearch) -> dict[str, Any]:
        """List the decisions about a person, newest first."""
        filters = wanted.filters(rule=wanted.rule, verdict=wanted.verdict, after=wanted.cursor)
        return page(await reader.decisions(filters), wanted.limit)

    @router.get("/decisions/{decision_id}", response_model=DecisionDetail)
    async def decision(decision_id: Identity) -> Mapping[str, Any]:
        """Return one decision."""
        return or_404(await reader.decision(decision_id), decision_id)

    return router
