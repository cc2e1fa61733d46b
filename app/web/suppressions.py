"""`/api/v1/suppressions`: who is never enrolled, as operators keep it. What the rules suppress stands in the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Protocol

import structlog
from fastapi import APIRouter, Depends, Query, Response

from app.policy.suppression import Suppression, read
from app.web.api import LIMIT, PROBLEMS, STORABLE, UNREADABLE, Limit
from app.web.auth import known_parameters
from app.web.problems import Problem
from app.web.shapes import NewSuppression, SuppressionPage, SuppressionRow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

log = structlog.get_logger(__name__)

Value = Annotated[str, Query(max_length=320, pattern=STORABLE, description="An address, a domain or a pattern")]
Cursor = Annotated[str | None, Query(max_length=320, pattern=STORABLE, description="`next_cursor`")]


class Suppressions(Protocol):
    """The list."""

    async def add(self, entry: Suppression, reason: str | None) -> None:
        """Keep an entry; one that is there already stays, with the newer reason."""

    async def remove(self, entry: Suppression) -> bool:
        """Take an entry out; tell whether it was there."""

    async def page(self, after: str | None, limit: int) -> Sequence[Mapping[str, Any]]:
        """List entries by value."""


def router(suppressions: Suppressions, *, authorised: Callable[..., None]) -> APIRouter:
    """Return the routes; `authorised` is the dependency that lets an operator in."""
    routes = APIRouter(
        prefix="/api/v1",
        tags=["api"],
        dependencies=[Depends(authorised), Depends(known_parameters)],
        responses=PROBLEMS,
    )

    @routes.get("/suppressions", response_model=SuppressionPage)
    async def listed(cursor: Cursor = None, limit: Limit = LIMIT) -> dict[str, Any]:
        """List who is never enrolled, by value."""
        rows = await suppressions.page(cursor, limit + 1)
        more = len(rows) > limit
        return {"items": rows[:limit], "next_cursor": rows[limit - 1]["value"] if more else None}

    @routes.post("/suppressions", response_model=SuppressionRow, responses=UNREADABLE)
    async def add(new: NewSuppression) -> dict[str, Any]:
        """Never enroll an address, a domain, or whoever fits a pattern; what waits is refused when its time comes."""
        entry = _entry(new.value)
        await suppressions.add(entry, new.reason)
        log.info("suppression.added", kind=entry.kind)
        return {"kind": entry.kind, "value": entry.value, "reason": new.reason, "created_at": None}

    @routes.delete("/suppressions", status_code=204)
    async def remove(value: Value) -> Response:
        """Take an entry out."""
        entry = _entry(value)
        if not await suppressions.remove(entry):
            raise Problem(404, "not-found", "The list has no such entry.")
        log.info("suppression.removed", kind=entry.kind)
        return Response(status_code=204)

    return routes


def _entry(value: str) -> Suppression:
    try:
        return read(value)
    except ValueError as error:
        raise Problem(422, "invalid-request", f"{error}.") from error
