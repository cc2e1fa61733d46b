"""REPORT: `/api/v1`, read only: events, decisions and enrollments, by id or listed by person, source and state."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from fastapi import APIRouter, Depends, Path, Query
from pydantic import AfterValidator

from app.followup.ends import How
from app.hubspot.api.faults import faults
from app.model import Filters, State, Verdict
from app.people.addresses import listed_address
from app.web.api.enrollment_shapes import EnrollmentDetail, EnrollmentPage
from app.web.api.event_shapes import DecisionDetail, DecisionPage, EventDetail, EventPage
from app.web.auth import ANSWERS, known_parameters
from app.web.pagination import DecisionCursor, EnrollmentCursor, EventCursor
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


STORABLE = r"^[^\x00]*$"  # PostgreSQL knows no NUL character, not even to compare with
Identity = Annotated[str, Path(pattern=STORABLE)]


def _listed(email: str | None) -> str | None:
    """Return what a person is listed under. A blank is nobody, and must not list everybody."""
    listed = listed_address(email)
    if email is not None and listed is None:
        raise ValueError("it is blank: name an address, or leave it out")
    return listed


Email = Annotated[
    str | None,
    Query(max_length=320, pattern=STORABLE, description="The person's address"),
    AfterValidator(_listed),
]
Name = Annotated[str | None, Query(max_length=200, pattern=STORABLE)]
Limit = Annotated[int, Query(ge=1, le=MAXIMUM_LIMIT)]
UNREADABLE: dict[int | str, dict[str, Any]] = {400: {"description": "The body is no JSON in UTF-8"}}
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
        email: Email = None, source: Name = None, cursor: EventCursor = None, limit: Limit = LIMIT
    ) -> dict[str, Any]:
        """List stored events, newest first."""
        filters = Filters(email=email, source=source, after=cursor, limit=limit + 1)
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
        cursor: DecisionCursor = None,
        limit: Limit = LIMIT,
    ) -> dict[str, Any]:
        """List decisions, newest first."""
        filters = Filters(email=email, source=source, rule=rule, verdict=verdict, after=cursor, limit=limit + 1)
        return _page(await reader.decisions(filters), limit)

    @routes.get("/decisions/{decision_id}", response_model=DecisionDetail)
    async def decision(decision_id: Identity) -> Mapping[str, Any]:
        """Return one decision."""
        return found(await reader.decision(decision_id), decision_id)

    @routes.get("/enrollments", response_model=EnrollmentPage)
    async def enrollments(  # each is a filter of the list
        email: Email = None,
        source: Name = None,
        rule: Name = None,
        state: State | None = None,
        reason: Name = None,
        ended: How | None = None,
        cursor: EnrollmentCursor = None,
        limit: Limit = LIMIT,
    ) -> dict[str, Any]:
        """List enrollments, newest first."""
        asked = Filters(email=email, source=source, rule=rule, after=cursor, limit=limit + 1)
        filters = replace(asked, state=state, reason=reason, ended=ended)
        return _page(await reader.enrollments(filters), limit)

    @routes.get("/enrollments/{enrollment_id}", response_model=EnrollmentDetail)
    async def enrollment(enrollment_id: Identity) -> Mapping[str, Any]:
        """Return one enrollment with its journal."""
        return advised(found(await reader.enrollment(enrollment_id), enrollment_id))

    return routes


def advised(enrollment: Mapping[str, Any]) -> dict[str, Any]:
    """Return an enrollment with what a person can do about HubSpot's reason, where that is one of the fault table."""
    fault = faults().get(enrollment["reason"] or "")
    told = {"what_to_do": fault.do, "docs": f"docs/faults.md#{fault.anchor}"} if fault else {}
    return {**enrollment, "what_to_do": None, "docs": None, **told}


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
