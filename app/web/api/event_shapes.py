"""The shapes of events and decisions in `/api/v1`, with an example each for the OpenAPI document."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

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
}
ENRICHMENT: dict[str, Any] = {
    "state": "ready",
    "reason": "not_found",
    "detail": "api.tool.example answered 404",
    "tries": 1,
    "due_at": "2026-11-23T09:00:05.310000Z",
}
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
}
CONSIDERED: list[dict[str, Any]] = [
    {"sender": "anna", "chosen": True, "because": "has most left: 212 of 400"},
    {"sender": "ben", "chosen": False, "because": "has 180 left, anna more"},
]
DETAIL: dict[str, Any] = {
    "data": {"event_id": EVENT["provider_id"], "event_type": "form_response", "employees": 80},
    "decisions": [DECISION["id"]],
    "enrichment": None,
}


class EventRow(BaseModel):
    """One normalised fact about a person."""

    model_config = ConfigDict(json_schema_extra={"example": EVENT})

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


class EnrichmentRow(BaseModel):
    """What became of asking a thin event's provider: ready, working, done or failed."""

    model_config = ConfigDict(json_schema_extra={"example": ENRICHMENT})

    state: str
    reason: str | None
    detail: str | None
    tries: int
    due_at: datetime


class EventDetail(EventRow):
    """One event with its payload (None once the retention has passed) and its decisions."""

    model_config = ConfigDict(json_schema_extra={"example": EVENT | DETAIL})

    data: Any
    decisions: list[str]
    enrichment: EnrichmentRow | None = None


class EventPage(BaseModel):
    """One page of events; `next_cursor` asks for the next one, null on the last."""

    model_config = ConfigDict(json_schema_extra={"example": {"items": [EVENT], "next_cursor": EVENT["id"]}})

    items: list[EventRow]
    next_cursor: str | None


class DecisionRow(BaseModel):
    """Which rule decided, or why none did."""

    model_config = ConfigDict(json_schema_extra={"example": DECISION})

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


class DecisionDetail(DecisionRow):
    """One decision. `assignment` says of each sender why it was taken or not, null while nobody has been chosen."""

    model_config = ConfigDict(json_schema_extra={"example": DECISION | {"sender": "anna", "assignment": CONSIDERED}})

    sender: str | None
    assignment: list[dict[str, Any]] | None


class DecisionPage(BaseModel):
    """One page of decisions."""

    model_config = ConfigDict(json_schema_extra={"example": {"items": [DECISION], "next_cursor": None}})

    items: list[DecisionRow]
    next_cursor: str | None
