"""REPORT: `/api/v1`, read only: events, decisions and enrollments, by id or listed by person, source and state."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict

from app.model import Filters, State, Verdict
from app.policy.addresses import listed_address
from app.web.auth import ANSWERS, known_parameters
from app.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

LIMIT = 50
MAXIMUM_LIMIT = 200


class Reader(Protocol):
    """The one read model."""

    async def events(self, filters: Filters) -> Sequence[Mapping[str, Any]]:
        """List events, newest first."""

    async def event(self, identity: str) -> Mapping[str, Any] | None:
        """Return one event with its payload and the ids of its decisions."""

    async def decisions(self, filters: Filters) -> Sequence[Mapping[str, Any]]:
        """List decisions, newest first."""

    async def decision(self, identity: str) -> Mapping[str, Any] | None:
        """Return one decision."""

    async def enrollments(self, filters: Filters) -> Sequence[Mapping[str, Any]]:
        """List enrollments, newest first."""

    async def enrollment(self, identity: str) -> Mapping[str, Any] | None:
        """Return one enrollment with its journal."""


class EventRow(BaseModel):
    """One normalised fact about a person."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "evt_01kb1x2m3n4p5q6r7s8t9v0w1x",
                "delivery_id": "dlv_01kb1x2m3n4p5q6r7s8t9v0w1w",
                "source": "demo-form",
                "type": "form_response",
                "provider_id": "01H...",
                "received_at": "2026-11-23T09:00:00Z",
                "occurred_at": "2026-11-23T08:59:58Z",
                "email": "ada@corp.example",
                "name": None,
                "company": "Corp",
            }
        }
    )

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


class EventDetail(EventRow):
    """One event with its payload (None once the retention has passed) and its decisions."""

    data: Any
    decisions: list[str]


class DecisionRow(BaseModel):
    """Which rule decided, or why none did."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "dec_01kb1x2m3n4p5q6r7s8t9v0w1y",
                "event_id": "evt_01kb1x2m3n4p5q6r7s8t9v0w1x",
                "delivery_id": "dlv_01kb1x2m3n4p5q6r7s8t9v0w1w",
                "source": "demo-form",
                "email": "ada@corp.example",
                "verdict": "enroll",
                "reason": "matched",
                "rule": "demo-request",
                "line": 21,
                "revision": "4f2c9a10be77",
                "facts": [{"rule": "demo-request", "line": 21, "matched": True, "because": "matched", "error": False}],
                "enrollment_id": "enr_01kb1x2m3n4p5q6r7s8t9v0w1z",
                "decided_at": "2026-11-23T09:00:00Z",
            }
        }
    )

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


class EnrollmentRow(BaseModel):
    """One enrollment and where it stands."""

    id: str
    decision_id: str
    event_id: str
    delivery_id: str
    source: str
    rule: str
    account: str
    email: str
    sequence: str
    sender: str
    intent: str
    state: str
    reason: str | None
    detail: str | None
    due_at: datetime
    attempt: int
    tries: int
    contact_id: str | None
    hubspot_enrollment_id: str | None
    enrolled_at: datetime | None
    confirmation: str | None
    created_at: datetime
    updated_at: datetime


class JournalLine(BaseModel):
    """One transition or checkpoint, with time and cause."""

    at: datetime
    before: str | None
    after: str
    step: str | None
    attempt: int
    cause: str
    detail: str | None


class EnrollmentDetail(EnrollmentRow):
    """One enrollment with its whole story."""

    journal: list[JournalLine]


class EventPage(BaseModel):
    """One page of events; `next_cursor` asks for the next one, null on the last."""

    items: list[EventRow]
    next_cursor: str | None


class DecisionPage(BaseModel):
    """One page of decisions."""

    items: list[DecisionRow]
    next_cursor: str | None


class EnrollmentPage(BaseModel):
    """One page of enrollments."""

    items: list[EnrollmentRow]
    next_cursor: str | None


STORABLE = r"^[^\x00]*$"  # PostgreSQL knows no NUL character, not even to compare with
Identity = Annotated[str, Path(pattern=STORABLE)]
Email = Annotated[str | None, Query(max_length=320, pattern=STORABLE, description="The person's address")]
Name = Annotated[str | None, Query(max_length=200, pattern=STORABLE)]
Limit = Annotated[int, Query(ge=1, le=MAXIMUM_LIMIT)]
Cursor = Annotated[str | None, Query(max_length=64, pattern=r"^[a-z]{3}_[0-9a-z]+$", description="`next_cursor`")]
PROBLEMS: dict[int | str, dict[str, Any]] = {**ANSWERS, 404: {"description": "Nothing has this id"}}


def router(reader: Reader, *, authorised: Callable[..., None]) -> APIRouter:
    """Return the read API; `authorised` is the dependency that lets an operator in."""
    routes = APIRouter(
        prefix="/api/v1",
        tags=["api"],
        dependencies=[Depends(authorised), Depends(known_parameters)],
        responses=PROBLEMS,
    )

    @routes.get("/events", response_model=EventPage)
    async def events(
        email: Email = None, source: Name = None, cursor: Cursor = None, limit: Limit = LIMIT
    ) -> dict[str, Any]:
        """List stored events, newest first."""
        filters = Filters(email=_normal(email), source=source, after=cursor, limit=limit + 1)
        return _page(await reader.events(filters), limit)

    @routes.get("/events/{event_id}", response_model=EventDetail)
    async def event(event_id: Identity) -> Mapping[str, Any]:
        """Return one event."""
        return found(await reader.event(event_id), event_id)

    @routes.get("/decisions", response_model=DecisionPage)
    async def decisions(  # each is a filter of the list
        email: Email = None,
        source: Name = None,
        rule: Name = None,
        verdict: Verdict | None = None,
        cursor: Cursor = None,
        limit: Limit = LIMIT,
    ) -> dict[str, Any]:
        """List decisions, newest first."""
        filters = Filters(
            email=_normal(email), source=source, rule=rule, verdict=verdict, after=cursor, limit=limit + 1
        )
        return _page(await reader.decisions(filters), limit)

    @routes.get("/decisions/{decision_id}", response_model=DecisionRow)
    async def decision(decision_id: Identity) -> Mapping[str, Any]:
        """Return one decision."""
        return found(await reader.decision(decision_id), decision_id)

    @routes.get("/enrollments", response_model=EnrollmentPage)
    async def enrollments(  # each is a filter of the list
        email: Email = None,
        source: Name = None,
        rule: Name = None,
        state: State | None = None,
        cursor: Cursor = None,
        limit: Limit = LIMIT,
    ) -> dict[str, Any]:
        """List enrollments, newest first."""
        filters = Filters(email=_normal(email), source=source, rule=rule, state=state, after=cursor, limit=limit + 1)
        return _page(await reader.enrollments(filters), limit)

    @routes.get("/enrollments/{enrollment_id}", response_model=EnrollmentDetail)
    async def enrollment(enrollment_id: Identity) -> Mapping[str, Any]:
        """Return one enrollment with its journal."""
        return found(await reader.enrollment(enrollment_id), enrollment_id)

    return routes


def _normal(email: str | None) -> str | None:
    return listed_address(email)


def _page(rows: Sequence[Mapping[str, Any]], limit: int) -> dict[str, Any]:
    """Return one page; the row beyond it, asked for on purpose, says that there is another."""
    more = len(rows) > limit
    items = list(rows[:limit])
    return {"items": items, "next_cursor": items[-1]["id"] if more else None}


def found(row: Mapping[str, Any] | None, identity: str) -> Mapping[str, Any]:
    """Return the row, or raise the problem that nothing has this id."""
    if row is None:
        raise Problem(404, "not-found", f"Nothing has the id {identity[:100]!r}.")
    return row
