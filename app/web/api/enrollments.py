"""`/api/v1/enrollments`: where each enrollment stands; an operator releases or cancels one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog
from fastapi import APIRouter

from app.audit.act import because
from app.enrollments.operator_store import EnrollmentOperatorStore
from app.followup.ends import How
from app.hubspot.api.faults import faults
from app.intake.redecide import BY_API
from app.intake.release import release_as_rules_now
from app.intake.wiring import redecider
from app.model import Filters, State
from app.reports.store import StoredReader
from app.web.access.routes import READS
from app.web.api.common import LIMIT, UNREADABLE, Identity, Limit, Name, or_404, page, resource
from app.web.api.enrollments_models import EnrollmentDetail, EnrollmentPage, EnrollmentSearch, Why
from app.web.pagination import EnrollmentCursor
from app.web.problems import Problem

if TYPE_CHECKING:
    from app.process import Process

CONFLICT: dict[int | str, dict[str, Any]] = {409: {"description": "Its state does not allow that"}}

log = structlog.get_logger(__name__)


def routes(process: Process) -> APIRouter:
    """Return the routes."""
    router, store, reader = resource(), EnrollmentOperatorStore(process.engine), StoredReader(process.engine)
    _add_lists(router, reader)
    _add_one(router, store, reader)
    _add_release(router, store, reader, process)
    return router


def _add_lists(router: APIRouter, reader: StoredReader) -> None:
    @router.get("/enrollments", response_model=EnrollmentPage)
    async def enrollments(  # each is a filter of the list
        source: Name = None,
        rule: Name = None,
        state: State | None = None,
        reason: Name = None,
        ended: How | None = None,
        cursor: EnrollmentCursor = None,
        limit: Limit = LIMIT,
    ) -> dict[str, Any]:
        """List enrollments, newest first."""
        filters = Filters(source=source, rule=rule, after=cursor, limit=limit + 1)
        filters = replace(filters, state=state, reason=reason, ended=ended)
        return page(await reader.enrollments(filters), limit)

    @router.post("/enrollments/search", response_model=EnrollmentPage, responses=UNREADABLE, openapi_extra=READS)
    async def search(wanted: EnrollmentSearch) -> dict[str, Any]:
        """List a person's enrollments, newest first."""
        narrowed = wanted.model_dump(include={"rule", "state", "reason", "ended"})
        return page(await reader.enrollments(wanted.filters(after=wanted.cursor, **narrowed)), wanted.limit)

    @router.get("/enrollments/{enrollment_id}", response_model=EnrollmentDetail)
    async def enrollment(enrollment_id: Identity) -> Mapping[str, Any]:
        """Return one enrollment with its journal."""
        return with_advice(or_404(await reader.enrollment(enrollment_id), enrollment_id))


def _add_one(router: APIRouter, store: EnrollmentOperatorStore, reader: StoredReader) -> None:
    @router.post("/enrollments/{enrollment_id}/cancel", response_model=EnrollmentDetail, responses=CONFLICT)
    async def cancel(enrollment_id: Identity, why: Why | None = None) -> Mapping[str, Any]:
        """Cancel an enrollment that is held, ready or parked: nothing is sent any more.

        The person's intent is free again, unless a request whose answer was lost may have worked.
        """
        because(why.reason if why else None)
        return await _change(reader, "cancelled", store.cancel, enrollment_id)


def _add_release(router: APIRouter, store: EnrollmentOperatorStore, reader: StoredReader, process: Process) -> None:
    @router.post("/enrollments/{enrollment_id}/release", response_model=EnrollmentDetail, responses=CONFLICT)
    async def release(
        enrollment_id: Identity, why: Why | None = None, *, as_rules_now: bool = False
    ) -> Mapping[str, Any]:
        """Release a parked enrollment: its cause is solved, and it is tried again.

        It is tried with what its rule said when its event came. With `as_rules_now` its event is decided again instead,
        by the rules in force, for its account; the answer is the new enrollment.
        """
        because(why.reason if why else None)
        if not as_rules_now:
            return await _change(reader, "released", store.release, enrollment_id)
        released = await release_as_rules_now(await redecider(process), enrollment_id, by=BY_API)
        if released.enrollment_id is None:
            or_404(await reader.enrollment(enrollment_id), enrollment_id)
            raise Problem(409, "wrong-state", f"It was not released: {released.detail}.")
        return with_advice(or_404(await reader.enrollment(released.enrollment_id), released.enrollment_id))


async def _change(
    reader: StoredReader, outcome: str, act: Callable[[str], Awaitable[bool]], id_: str
) -> Mapping[str, Any]:
    allowed = await act(id_)
    row = or_404(await reader.enrollment(id_), id_)
    if not allowed:
        raise Problem(409, "wrong-state", f"It is {row['state']}, and cannot be {outcome}.")
    log.info("enrollment.intervened", enrollment_id=id_, delivery_id=row["delivery_id"], told=outcome)
    return with_advice(row)


def with_advice(enrollment: Mapping[str, Any]) -> dict[str, Any]:
    """Return an enrollment with what a person can do about HubSpot's reason, where the fault table has that reason."""
    fault = faults().get(enrollment["reason"] or "")
    advice = {"what_to_do": fault.do, "docs": f"docs/faults.md#{fault.anchor}"} if fault else {}
    return {**enrollment, **advice}
