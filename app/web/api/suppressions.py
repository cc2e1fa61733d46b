"""`/api/v1/suppressions`: the addresses, domains and patterns that operators suppress. The rules have a list apart."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog
from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from app.people.suppression import Suppression, read
from app.people.suppression_store import SuppressionStore
from app.web.api.common import LIMIT, UNREADABLE, Limit, page, resource
from app.web.fields import Storable
from app.web.pagination import NumberCursor
from app.web.problems import Problem

if TYPE_CHECKING:
    from app.process import Process

SUPPRESSION: dict[str, Any] = {
    "kind": "domain",
    "value": "competitor.example",
    "reason": "asked by legal",
    "created_at": "2026-11-23T09:00:00.102000Z",
}

log = structlog.get_logger(__name__)


class NewSuppression(
    BaseModel,
    extra="forbid",
    json_schema_extra={"example": {"value": "competitor.example", "reason": "asked by legal"}},
):
    """An address, domain or pattern that is never to be enrolled, and why."""

    value: Storable = Field(max_length=320, description="An address, a domain, or a pattern with `*`")
    reason: Storable | None = Field(None, max_length=1000)


class OldSuppression(BaseModel, extra="forbid", json_schema_extra={"example": {"value": "competitor.example"}}):
    """An entry that is taken out."""

    value: Storable = Field(max_length=320, description="An address, a domain, or a pattern with `*`")


class SuppressionRow(BaseModel, json_schema_extra={"example": SUPPRESSION}):
    """One entry: an address, a domain (all addresses at exactly this domain), or a pattern."""

    kind: str
    value: str
    reason: str | None
    created_at: datetime


class KeptSuppression(SuppressionRow, json_schema_extra={"example": SUPPRESSION | {"added": True}}):
    """What is kept now. Where it was there before (`added` is false), since when, and for what reason."""

    added: bool


class SuppressionPage(BaseModel, json_schema_extra={"example": {"items": [SUPPRESSION], "next_cursor": None}}):
    """One page of entries, newest first."""

    items: list[SuppressionRow]
    next_cursor: int | None


def routes(process: Process) -> APIRouter:
    """Return the routes."""
    router, store = resource(), SuppressionStore(process.engine)

    @router.get("/suppressions", response_model=SuppressionPage)
    async def listed(cursor: NumberCursor = None, limit: Limit = LIMIT) -> dict[str, Any]:
        """List the addresses, domains and patterns that are never enrolled, newest first."""
        return page(await store.page(cursor, limit + 1), limit, key="number")

    @router.post("/suppressions", response_model=KeptSuppression, responses=UNREADABLE)
    async def add(new: NewSuppression) -> Mapping[str, Any]:
        """Never enroll an address, a domain, or what matches a pattern. Waiting enrollments are refused when due."""
        kept = await store.add(_entry(new.value), new.reason)
        log.info("suppression.added", kind=kept["kind"], added=kept["added"])
        return kept

    @router.post("/suppressions/remove", status_code=204, responses=UNREADABLE)
    async def remove(old: OldSuppression) -> Response:
        """Take an entry out, as it is listed or however it was written."""
        kind = await store.remove(old.value) or await store.remove(_entry(old.value).value)
        if kind is None:
            raise Problem(404, "not-found", "The list has no such entry.")
        log.info("suppression.removed", kind=kind)
        return Response(status_code=204)

    return router


def _entry(value: str) -> Suppression:
    try:
        return read(value)
    except ValueError as error:
        raise Problem(422, "invalid-request", f"{error}.") from error
