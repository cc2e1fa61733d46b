"""`/api/v1/suppressions`: who is never enrolled, as operators keep it. What the rules suppress stands in the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Protocol

import structlog
from fastapi import APIRouter, Depends, Query, Response

from app.people.suppression import Suppression, read
from app.web.api.events import LIMIT, PROBLEMS, STORABLE, UNREADABLE, Limit
from app.web.api.shapes import KeptSuppression, NewSuppression, SuppressionPage
from app.web.auth import known_parameters
from app.web.pagination import SuppressionCursor
from app.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

log = structlog.get_logger(__name__)

Value = Annotated[str, Query(max_length=320, pattern=STORABLE, description="An address, a domain or a pattern")]


class Suppressions(Protocol):
    """The list."""

    async def add(self, entry: Suppression, reason: str | None) -> Mapping[str, Any]:
        """Keep an entry; one that was there stays, with the newer reason. Return what is kept, and if it is `added`."""

    async def remove(self, value: str) -> str | None:
        """Take out the entry that is listed as `value`; return its kind, None where there is none."""

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
    async def listed(cursor: SuppressionCursor = None, limit: Limit = LIMIT) -> dict[str, Any]:
        """List who is never enrolled, by value."""
        rows = await suppressions.page(cursor, limit + 1)
        more = len(rows) > limit
        return {"items": rows[:limit], "next_cursor": rows[limit - 1]["value"] if more else None}

    @routes.post("/suppressions", response_model=KeptSuppression, responses=UNREADABLE)
    async def add(new: NewSuppression) -> Mapping[str, Any]:
        """Never enroll an address, a domain, or whoever fits a pattern; what waits is refused when its time comes."""
        kept = await suppressions.add(_entry(new.value), new.reason)
        log.info("suppression.added", kind=kept["kind"], added=kept["added"])
        return kept

    @routes.delete("/suppressions", status_code=204)
    async def remove(value: Value) -> Response:
        """Take an entry out, as it is listed or however it was written."""
        kind = await suppressions.remove(value) or await suppressions.remove(_entry(value).value)
        if kind is None:
            raise Problem(404, "not-found", "The list has no such entry.")
        log.info("suppression.removed", kind=kind)
        return Response(status_code=204)

    return routes


def _entry(value: str) -> Suppression:
    try:
        return read(value)
    except ValueError as error:
        raise Problem(422, "invalid-request", f"{error}.") from error
