"""What an operator does to one enrollment: release what is parked, cancel what has not been sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import structlog
from fastapi import APIRouter, Depends

from app.web.api.enrollment_shapes import EnrollmentDetail
from app.web.api.events import PROBLEMS, UNREADABLE, Identity, advised, found
from app.web.api.shapes import Cancelled, Parked, Released, Whose
from app.web.auth import known_parameters
from app.web.problems import Problem

log = structlog.get_logger(__name__)

CONFLICT: dict[int | str, dict[str, Any]] = {409: {"description": "Its state does not allow that"}}


class Acts(Protocol):
    """What can be done; each tells whether the enrollment's state allowed it."""

    async def release(self, identity: str) -> bool:
        """Make a parked one ready."""

    async def cancel(self, identity: str) -> bool:
        """Cancel one that is held, ready or parked."""

    async def cancel_waiting(self, *, email: str | None, rule: str | None) -> int:
        """Cancel all that are held or ready, of one person, one rule, or both; return how many."""

    async def release_parked(self, *, reason: str | None, rule: str | None, sender: str | None) -> int:
        """Release all that are parked and fit; return how many."""


class Reader(Protocol):
    """Where the enrollment is shown from."""

    async def enrollment(self, identity: str) -> Mapping[str, Any] | None:
        """Return one enrollment with its journal."""


def router(acts: Acts, reader: Reader, *, authorised: Callable[..., None]) -> APIRouter:
    """Return the routes; `authorised` is the dependency that lets an operator in."""
    routes = APIRouter(
        prefix="/api/v1",
        tags=["api"],
        dependencies=[Depends(authorised), Depends(known_parameters)],
        responses=PROBLEMS | CONFLICT,
    )

    @routes.post("/enrollments/{enrollment_id}/release", response_model=EnrollmentDetail)
    async def release(enrollment_id: Identity) -> Mapping[str, Any]:
        """Release a parked enrollment: its cause is mended, and it is tried again."""
        return await _done("released", acts.release, enrollment_id)

    @routes.post("/enrollments/{enrollment_id}/cancel", response_model=EnrollmentDetail)
    async def cancel(enrollment_id: Identity) -> Mapping[str, Any]:
        """Cancel an enrollment that is held, ready or parked: nothing is sent any more.

        The person's intent is free then, unless a request whose answer was lost may have worked.
        """
        return await _done("cancelled", acts.cancel, enrollment_id)

    @routes.post("/enrollments/cancel", response_model=Cancelled, responses=UNREADABLE)
    async def cancel_waiting(whose: Whose) -> dict[str, int]:
        """Cancel all enrollments of a person, of a rule, or both, that are held or ready."""
        cancelled = await acts.cancel_waiting(email=whose.email, rule=whose.rule)
        log.info("enrollments.cancelled", count=cancelled, rule=whose.rule)
        return {"cancelled": cancelled}

    @routes.post("/enrollments/release", response_model=Released, responses=UNREADABLE)
    async def release_parked(which: Parked) -> dict[str, int]:
        """Release all parked enrollments of a reason, a rule or a sender, ten a second: their cause is mended."""
        released = await acts.release_parked(reason=which.reason, rule=which.rule, sender=which.sender)
        log.info("enrollments.released", count=released, **which.model_dump(exclude_none=True))
        return {"released": released}

    async def _done(told: str, act: Callable[[str], Awaitable[bool]], identity: str) -> Mapping[str, Any]:
        allowed = await act(identity)
        row = found(await reader.enrollment(identity), identity)
        if not allowed:
            raise Problem(409, "wrong-state", f"It is {row['state']}, and cannot be {told}.")
        log.info("enrollment.intervened", enrollment_id=identity, delivery_id=row["delivery_id"], told=told)
        return advised(row)

    return routes
