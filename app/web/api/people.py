"""`/api/v1/people/...`: forget a person, export what is kept of one, and let one who was forgotten come back."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from app.audit.store import AuditStore
from app.database.engine import busy_when_gone
from app.errors import StillForgetting
from app.people.export_store import ExportStore
from app.people.forget import BY_API, Forgetter, Plan
from app.people.forget_store import Forgetting
from app.web.access.routes import FOR_ADMINS
from app.web.api.common import LIMIT, UNREADABLE, Identity, Limit, Page, or_404, page, resource
from app.web.fields import Storable
from app.web.pagination import ForgettingCursor
from app.web.problems import Problem
from app.web.slow_answers import json_answer

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from app.process import Process

T = TypeVar("T")
COUNTS = {"cancelled": 1, "decisions": 3, "deliveries": 2, "enrollments": 2, "events": 3}
FORGETTING: dict[str, Any] = {
    "id": "fgt_019ab2c3d4e5f60718293a4b5c6d7e95",
    "requested_by": "api",
    "requested_at": "2026-11-23T09:00:00.102000Z",
    "done_at": None,
    "counts": COUNTS,
}
ANSWER: dict[str, Any] = {
    "dry_run": True,
    "emails": ["ada@corp.example"],
    "contacts": [{"account": "main", "contact_id": "501"}],
    "counts": COUNTS,
    "endpoints": ["crm"],
    "forgetting": None,
}
EXPORTED: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"example": {"person": {}, "tables": {}}}}}
}
NOT_YET: dict[int | str, dict[str, Any]] = {409: {"description": "This person is still being forgotten"}, **UNREADABLE}


class Named(BaseModel, extra="forbid", json_schema_extra={"example": {"email": "ada@corp.example"}}):
    """A person, by an address."""

    email: Storable = Field(max_length=320)


class Forget(BaseModel, extra="forbid", json_schema_extra={"example": {"email": "ada@corp.example", "dry_run": True}}):
    """Who is forgotten."""

    email: Storable = Field(max_length=320)
    dry_run: bool = Field(default=True, description="Erase nothing, and say what would be erased")


class ForgettingRow(BaseModel):
    """A request to forget someone. It names no person.

    `counts` are rows by table; `done_at` is null until all is done.
    """

    model_config = ConfigDict(json_schema_extra={"example": FORGETTING}, from_attributes=True)

    id: str
    requested_by: str
    requested_at: datetime
    done_at: datetime | None
    counts: dict[str, int]


class ForgettingPage(Page[ForgettingRow], json_schema_extra={"example": {"items": [FORGETTING], "next_cursor": None}}):
    """One page of requests."""


class ContactName(BaseModel, json_schema_extra={"example": {"account": "main", "contact_id": "501"}}):
    """A contact of one account."""

    account: str
    contact_id: str


class Forgotten(BaseModel, json_schema_extra={"example": ANSWER}):
    """What is, or would be, erased: `counts` are rows by table.

    `cancelled` among them are enrollments that end, `waiting` those that are on their way: they end first.
    `endpoints` are the systems that receive `person.forgotten`; `forgetting` is null in a dry run.
    """

    dry_run: bool
    emails: list[str]
    contacts: list[ContactName]
    counts: dict[str, int]
    endpoints: list[str]
    forgetting: ForgettingRow | None


class Lifted(BaseModel, json_schema_extra={"example": {"lifted": True}}):
    """Whether the person was forgotten before."""

    lifted: bool


def routes(process: Process) -> APIRouter:
    """Return the routes: what is done about a person, and the record of requests to forget."""
    router = resource()
    _add_acts(router, process)
    _add_record(router, process)
    return router


def _add_acts(router: APIRouter, process: Process) -> None:
    @router.post("/people/forget", response_model=Forgotten, responses=UNREADABLE, openapi_extra=FOR_ADMINS)
    async def forget(request: Forget) -> dict[str, Any]:
        """Forget a person: say what would be erased or, with `dry_run` false, erase it, and enroll them no more.

        The person's own rows are erased at once. A worker then looks for the address in everything else.
        """
        forgetter = await _forgetter(process)
        with busy_when_gone():
            plan = await _usable(forgetter.plan(request.email))
            begun = None if request.dry_run else await forgetter.begin(request.email, by=BY_API)
        return _answer(plan, begun)

    @router.post("/people/lift", response_model=Lifted, responses=NOT_YET, openapi_extra=FOR_ADMINS)
    async def lift(request: Named) -> dict[str, bool]:
        """Let a person who has come back on purpose be enrolled again: the tombstone goes, and what it held."""
        forgetter = await _forgetter(process)
        with busy_when_gone():
            try:
                return {"lifted": await _usable(forgetter.lift(request.email, by=BY_API))}
            except StillForgetting as error:
                raise Problem(409, "wrong-state", f"{error}.") from error

    @router.post("/people/export", responses={**UNREADABLE, **EXPORTED}, openapi_extra=FOR_ADMINS)
    async def export(request: Named) -> Response:
        """Return all that is kept of a person, by table.

        Every table is looked through. Where that takes long, the answer begins with spaces, which JSON may.
        """
        answer = await _usable(json_answer(ExportStore(process.engine).document(request.email)))
        await AuditStore(process.engine).noted()  # before it is shown; who it was about stays out of the audit log
        return answer


def _add_record(router: APIRouter, process: Process) -> None:
    @router.get("/people/forgettings", response_model=ForgettingPage)
    async def listed(cursor: ForgettingCursor = None, limit: Limit = LIMIT) -> dict[str, Any]:
        """List the requests to forget someone, newest first."""
        forgetter = await _forgetter(process)
        with busy_when_gone():
            return page([asdict(one) for one in await forgetter.page(cursor, limit + 1)], limit)

    @router.get("/people/forgettings/{forgetting_id}", response_model=ForgettingRow)
    async def forgetting(forgetting_id: Identity) -> Forgetting:
        """Return how far a request to forget someone is. It stays as the proof, and names no person."""
        forgetter = await _forgetter(process)
        with busy_when_gone():
            return or_404(await forgetter.shown(forgetting_id), forgetting_id)


async def _forgetter(process: Process) -> Forgetter:
    with busy_when_gone():
        return await process.forgetter()


async def _usable(coroutine: Awaitable[T]) -> T:
    try:
        return await coroutine
    except ValueError as error:
        raise Problem(422, "invalid-request", f"email: {error}.") from error


def _answer(plan: Plan, begun: Forgetting | None) -> dict[str, Any]:
    return {
        "dry_run": begun is None,
        "emails": plan.emails,
        "contacts": [{"account": account, "contact_id": contact} for account, contact in plan.contacts],
        "counts": plan.counts,
        "endpoints": plan.endpoints,
        "forgetting": asdict(begun) if begun else None,
    }
