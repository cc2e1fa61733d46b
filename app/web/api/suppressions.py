"""`/api/v1/suppressions`: the addresses, domains and patterns that operators suppress. The rules have a list apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog
from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from app.people.suppression import Suppression, read
from app.people.suppression_lines import read_lines
from app.people.suppression_store import SuppressionStore
from app.reports.suppressed import suppressed
from app.web.access.routes import READS
from app.web.api.common import LIMIT, UNREADABLE, Limit, page, resource
from app.web.fields import Person, Storable
from app.web.pagination import NumberCursor
from app.web.problems import Problem

if TYPE_CHECKING:
    from app.process import Process

SUPPRESSION: dict[str, Any] = {
    "kind": "domain",
    "value": "competitor.example",
    "reason": "asked by legal",
    "created_at": "2026-11-23T09:00:00.102000Z",
    "added_by": "olga",
}
COVERED: dict[str, Any] = {"by": "list", "kind": "domain", "value": "competitor.example"}
LINES = "competitor.example\n*@*.gov\n# asked by legal\nada@corp.example"
WRONG: dict[int | str, dict[str, Any]] = {422: {"description": "Lines are no entries, all listed; nothing was added"}}

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
    """One entry: an address, a domain (all addresses at exactly this domain), or a pattern.

    `added_by` is who added it first: a token's name or `cli`, null where that was not yet kept.
    """

    kind: str
    value: str
    reason: str | None
    created_at: datetime
    added_by: str | None


class KeptSuppression(SuppressionRow, json_schema_extra={"example": SUPPRESSION | {"added": True}}):
    """What is kept now. Where it was there before (`added` is false), since when, and for what reason."""

    added: bool


class SuppressionPage(BaseModel, json_schema_extra={"example": {"items": [SUPPRESSION], "next_cursor": None}}):
    """One page of entries, newest first."""

    items: list[SuppressionRow]
    next_cursor: int | None


class Asked(BaseModel, extra="forbid", json_schema_extra={"example": {"email": "ada@corp.example"}}):
    """The address that is asked about."""

    email: Person = Field(max_length=320)


class CoveredRow(BaseModel):
    """One reason: `by` is rules (their `suppress:`), list, or forgotten, and then the other two are null."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"example": COVERED})

    by: str
    kind: str | None
    value: str | None


class Covered(BaseModel, json_schema_extra={"example": {"suppressed": True, "reasons": [COVERED]}}):
    """Whether an address is never enrolled, and each reason why. Other addresses of its person may be listed, too."""

    suppressed: bool
    reasons: list[CoveredRow]


class SuppressionImport(
    BaseModel, extra="forbid", json_schema_extra={"example": {"lines": LINES, "reason": "asked by legal"}}
):
    """Entries, one a line, 10,000 at most; lines that are blank or begin with `#` are passed over."""

    lines: Storable
    reason: Storable | None = Field(None, max_length=1000)


class Imported(BaseModel, json_schema_extra={"example": {"entries": 3, "added": 2}}):
    """How many entries the list has, each counted once, and how many of them were not there before."""

    entries: int
    added: int


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

    @router.post("/suppressions/check", response_model=Covered, responses=UNREADABLE, openapi_extra=READS)
    async def check(asked: Asked) -> dict[str, Any]:
        """Say whether an address is suppressed: by the rules, by the list, or because its person was forgotten."""
        reasons = suppressed(asked.email, process.rulebook.current, await store.covering(asked.email))
        return {"suppressed": bool(reasons), "reasons": reasons}

    @router.post("/suppressions/import", response_model=Imported, responses=UNREADABLE | WRONG)
    async def add_all(new: SuppressionImport) -> dict[str, int]:
        """Add a list of entries in one transaction: all of them, or none where any line is no entry."""
        entries = _entries(new.lines)
        added = await store.add_all(entries, new.reason)
        log.info("suppression.imported", entries=len(entries), added=added)
        return {"entries": len(entries), "added": added}

    return router


def _entry(value: str) -> Suppression:
    try:
        return read(value)
    except ValueError as error:
        raise Problem(422, "invalid-request", f"{error}.") from error


def _entries(lines: str) -> Sequence[Suppression]:
    found = read_lines(lines)
    if found.wrong:
        mistakes = [{"where": f"line {one.line}", "what": one.message} for one in found.wrong]
        raise Problem(422, "invalid-request", "Lines are no entries; nothing was added.", mistakes=mistakes)
    return found.entries
