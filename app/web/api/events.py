"""`/api/v1/events`: what arrived, each event with its payload and its decisions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel

from app.model import Filters
from app.reports.store import StoredReader
from app.web.access.routes import READS
from app.web.api.common import LIMIT, UNREADABLE, Identity, Limit, Name, Page, Search, or_404, page, resource
from app.web.api.decisions import DECISION
from app.web.pagination import EventCursor, in_body

if TYPE_CHECKING:
    from app.process import Process

EVENT: dict[str, Any] = {
    "id": "evt_019ab2c3d4e5f60718293a4b5c6d7e82",
    "delivery_id": "dlv_019ab2c3d4e5f60718293a4b5c6d7e81",
    "source": "demo-form",
    "type": "form_response",
    "provider_id": "01HZX3V7Q5TYM8W2K4R6N9B0CD",
    "received_at": "2026-11-23T09:00:00.102000Z",
    "occurred_at": "2026-11-23T08:59:58Z",
    "email": "ada@corp.example",
    "first_name": "Ada",
    "last_name": None,
    "name": None,
    "company": "Corp",
    "exit": False,
    "repeats": 1,
    "last_repeated_at": "2026-11-23T09:00:31.774000Z",
}
ENRICHMENT: dict[str, Any] = {
    "state": "ready",
    "reason": "not_found",
    "detail": "api.tool.example answered 404",
    "tries": 1,
    "due_at": "2026-11-23T09:00:05.310000Z",
}
DETAIL: dict[str, Any] = {
    "data": {"event_id": EVENT["provider_id"], "event_type": "form_response", "employees": 80},
    "answers": {"Company size": "50+", "Interests": ["Sales", "Support"]},
    "decisions": [DECISION["id"]],
    "enrichment": None,
}


class EventRow(BaseModel, json_schema_extra={"example": EVENT}):
    """One normalised fact about a person. `repeats` counts the later deliveries of the same event: no row is theirs."""

    id: str
    delivery_id: str
    source: str
    type: str
    provider_id: str | None
    received_at: datetime
    occurred_at: datetime | None
    email: str | None
    first_name: str | None = None
    last_name: str | None = None
    name: str | None
    company: str | None
    exit: bool = False
    repeats: int = 0
    last_repeated_at: datetime | None = None


class EnrichmentRow(BaseModel, json_schema_extra={"example": ENRICHMENT}):
    """What became of asking a thin event's provider: ready, working, done or failed."""

    state: str
    reason: str | None
    detail: str | None
    tries: int
    due_at: datetime


class EventDetail(EventRow, json_schema_extra={"example": EVENT | DETAIL}):
    """One event with its payload and its form's answers (None once the retention has passed) and its decisions."""

    data: Any
    answers: dict[str, Any] | None = None
    decisions: list[str]
    enrichment: EnrichmentRow | None = None


class EventPage(Page[EventRow], json_schema_extra={"example": {"items": [EVENT], "next_cursor": EVENT["id"]}}):
    """One page of events; `next_cursor` asks for the next one, null on the last."""


class EventSearch(Search, json_schema_extra={"example": {"email": "ada@corp.example"}}):
    """Whose events are listed."""

    cursor: Annotated[str | None, in_body("evt")] = None


def routes(process: Process) -> APIRouter:
    """Return the routes."""
    router, reader = resource(), StoredReader(process.engine)

    @router.get("/events", response_model=EventPage)
    async def events(source: Name = None, cursor: EventCursor = None, limit: Limit = LIMIT) -> dict[str, Any]:
        """List stored events, newest first."""
        return page(await reader.events(Filters(source=source, after=cursor, limit=limit + 1)), limit)

    @router.post("/events/search", response_model=EventPage, responses=UNREADABLE, openapi_extra=READS)
    async def search(wanted: EventSearch) -> dict[str, Any]:
        """List a person's stored events, newest first."""
        return page(await reader.events(wanted.filters(after=wanted.cursor)), wanted.limit)

    @router.get("/events/{event_id}", response_model=EventDetail)
    async def event(event_id: Identity) -> Mapping[str, Any]:
        """Return one event."""
        return or_404(await reader.event(event_id), event_id)

    return router
