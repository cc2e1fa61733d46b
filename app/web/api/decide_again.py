"""`/api/v1/events/.../decide`: stored events once more, by the rules in force, one or all that a rule listens to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from app.errors import UnknownRule
from app.intake.decided_again import NOT_POSSIBLE, DecidedAgain, counted
from app.intake.redecide import BY_API, Redecider
from app.intake.wiring import redecider
from app.web.api.common import MAXIMUM_LIMIT, UNREADABLE, Identity, or_404, resource
from app.web.api.outbound_replay import Moment
from app.web.fields import Storable
from app.web.problems import Problem

if TYPE_CHECKING:
    from app.process import Process

DECISION: dict[str, Any] = {
    "id": "dec_019ab2c3d4e5f60718293a4b5c6d7e93",
    "verdict": "enroll",
    "reason": "matched",
    "rule": "demo-request",
    "enrollment_id": "enr_019ab2c3d4e5f60718293a4b5c6d7e94",
    "details": [],
}
RESULT: dict[str, Any] = {
    "event_id": "evt_019ab2c3d4e5f60718293a4b5c6d7e82",
    "status": "decided",
    "before": "parked (SEQUENCE_ID_INVALID)",
    "detail": None,
    "decisions": [DECISION],
    "replaced": {"enr_019ab2c3d4e5f60718293a4b5c6d7e84": DECISION["enrollment_id"]},
}
MANY: dict[str, Any] = {
    "counts": {"decided": 1, "enroll": 1, "replaced": 1},
    "items": [RESULT],
    "next_cursor": None,
}
NOT_DECIDED: dict[int | str, dict[str, Any]] = {409: {"description": "It cannot be decided again; `detail` says why"}}


class NewDecisionRow(BaseModel):
    """One new decision; its ids are null where it was not stored: in a dry run, or where nothing changes.

    `details` say why conditions did not hold, by the values that they looked at, where no rule matched.
    """

    model_config = ConfigDict(json_schema_extra={"example": DECISION}, from_attributes=True)

    id: str | None
    verdict: str
    reason: str
    rule: str | None
    enrollment_id: str | None
    details: list[str]


class EventDecidedAgain(BaseModel):
    """What a stored event comes to now.

    `status` is decided, lookup (its tool is asked first), unchanged, or, among many, not_possible; `before` is what it
    came to until now. `replaced` are parked enrollments, each with the new one that has replaced it, null in
    a dry run.
    """

    model_config = ConfigDict(json_schema_extra={"example": RESULT}, from_attributes=True)

    event_id: str
    status: str
    before: str
    detail: str | None
    decisions: list[NewDecisionRow]
    replaced: dict[str, str | None]


class DecideMany(BaseModel):
    """Which events are decided again: those that a rule listens to, received since then, a page at a time."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"rule": "demo-request", "since": "2026-11-23T08:00:00Z", "dry_run": True}},
    )

    rule: Storable = Field(max_length=200, description="The rule's id")
    since: Moment
    dry_run: bool = Field(default=False, description="Write nothing, and say what would follow")
    cursor: str = Field(
        "", max_length=64, pattern=r"^(evt_[0-9a-z]+)?$", description="`next_cursor` of the page before"
    )
    limit: int = Field(100, ge=1, le=MAXIMUM_LIMIT)


class ManyDecidedAgain(BaseModel):
    """One page of events, oldest first; `counts` are those of this page, by status and by verdict."""

    model_config = ConfigDict(json_schema_extra={"example": MANY})

    counts: dict[str, int]
    items: list[EventDecidedAgain]
    next_cursor: str | None


def routes(process: Process) -> APIRouter:
    """Return the routes."""
    router = resource()

    @router.post("/events/decide", response_model=ManyDecidedAgain, responses=UNREADABLE)
    async def decide_many(request: DecideMany) -> dict[str, Any]:
        """Decide a page of events again: those that a rule listens to, received since a time, oldest first."""
        return await _decide_many(await redecider(process), request)

    @router.post("/events/{event_id}/decide", response_model=EventDecidedAgain, responses=NOT_DECIDED)
    async def decide_one(event_id: Identity, *, dry_run: bool = False) -> DecidedAgain:
        """Decide a stored event again by the rules in force: what was not sent is replaced, what was sent stands."""
        return decided_or_problem(
            await (await redecider(process)).event(event_id, by=BY_API, dry_run=dry_run), event_id
        )

    return router


def decided_or_problem(result: DecidedAgain | None, id_: str) -> DecidedAgain:
    """Return the result. Raises Problem where nothing has this id, and where it cannot be decided again."""
    found = or_404(result, id_)
    if found.status == NOT_POSSIBLE:
        raise Problem(409, "not-decided", f"It was not decided again: {found.detail}.")
    return found


async def _decide_many(decider: Redecider, request: DecideMany) -> dict[str, Any]:
    try:
        ids = await decider.rule(request.rule, since=request.since, after=request.cursor, limit=request.limit + 1)
    except UnknownRule as error:
        raise Problem(404, "not-found", f"{error}.") from error
    chosen = ids[: request.limit]
    results = [await decider.event(id_, by=BY_API, dry_run=request.dry_run) for id_ in chosen]
    found = [result for result in results if result is not None]
    return {
        "counts": counted(found),
        "items": found,
        "next_cursor": chosen[-1] if len(ids) > request.limit else None,
    }
