"""`/api/v1/enrollments/cancel` and `/release`: an operator cancels or releases many enrollments by a filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import structlog
from fastapi import APIRouter
from pydantic import BaseModel, Field, model_validator

from app.enrollments.operator_store import EnrollmentOperatorStore
from app.model import NO_OUTCOME
from app.web.api.common import UNREADABLE, resource
from app.web.api.enrollments import CONFLICT
from app.web.fields import Person, Storable

if TYPE_CHECKING:
    from app.process import Process

log = structlog.get_logger(__name__)


class Whose(BaseModel, extra="forbid", json_schema_extra={"example": {"email": "ada@corp.example"}}):
    """Which enrollments are cancelled: those of a person, of a rule, or (with both) of a person by that rule."""

    email: Person | None = Field(None, max_length=320, description="The person's address")
    rule: Storable | None = Field(None, max_length=200, description="The rule's id")

    @model_validator(mode="after")
    def _not_all(self) -> Self:
        if not self.email and not self.rule:
            raise ValueError("name an email, a rule, or both")
        return self


class Parked(
    BaseModel, extra="forbid", json_schema_extra={"example": {"reason": "DISCONNECTED_INBOX", "sender": "anna"}}
):
    """Which parked enrollments are released: all that match every field given."""

    reason: Storable | None = Field(None, max_length=200, description="Why they are parked")
    rule: Storable | None = Field(None, max_length=200, description="The rule's id")
    sender: Storable | None = Field(None, max_length=200, description="The sender's name")

    @model_validator(mode="after")
    def _not_all(self) -> Self:
        if not self.reason and not self.rule and not self.sender:
            raise ValueError("name a reason, a rule, a sender, or several of them")
        if self.reason == NO_OUTCOME:
            raise ValueError(
                "HubSpot does not tell who is in a workflow: look at each of them, and release it by its id"
            )
        return self


class Released(BaseModel, json_schema_extra={"example": {"released": 12}}):
    """How many were released."""

    released: int


class Cancelled(BaseModel, json_schema_extra={"example": {"cancelled": 12}}):
    """How many were cancelled."""

    cancelled: int


def routes(process: Process) -> APIRouter:
    """Return the routes."""
    router, store = resource(), EnrollmentOperatorStore(process.engine)

    @router.post("/enrollments/cancel", response_model=Cancelled, responses=CONFLICT | UNREADABLE)
    async def cancel_waiting(criteria: Whose) -> dict[str, int]:
        """Cancel all enrollments of a person, of a rule, or both, that are held or ready."""
        cancelled = await store.cancel_waiting(email=criteria.email, rule=criteria.rule)
        log.info("enrollments.cancelled", count=cancelled, rule=criteria.rule)
        return {"cancelled": cancelled}

    @router.post("/enrollments/release", response_model=Released, responses=CONFLICT | UNREADABLE)
    async def release_parked(criteria: Parked) -> dict[str, int]:
        """Release all parked enrollments of a reason, a rule or a sender, ten a second: their cause is solved."""
        released = await store.release_parked(reason=criteria.reason, rule=criteria.rule, sender=criteria.sender)
        log.info("enrollments.released", count=released, **criteria.model_dump(exclude_none=True))
        return {"released": released}

    return router
