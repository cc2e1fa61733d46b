"""`/api/v1/journal`: every transition and checkpoint of enrollments, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from app.reports.store import StoredReader
from app.web.api.common import LIMIT, Limit, page, resource
from app.web.api.enrollments_models import JOURNAL, JournalLine
from app.web.fields import STORABLE
from app.web.pagination import NumberCursor

if TYPE_CHECKING:
    from app.process import Process

LINE: dict[str, Any] = {"id": 1041, "enrollment_id": "enr_019ab2c3d4e5f60718293a4b5c6d7e84", **JOURNAL[2]}
Enrollment = Annotated[
    str | None, Query(max_length=64, pattern=STORABLE, description="The id of an enrollment: its lines alone")
]


class JournalRow(JournalLine, json_schema_extra={"example": LINE}):
    """One line, and the enrollment that it tells of."""

    id: int
    enrollment_id: str


class JournalPage(BaseModel, json_schema_extra={"example": {"items": [LINE], "next_cursor": 1041}}):
    """One page of the journal."""

    items: list[JournalRow]
    next_cursor: int | None


def routes(process: Process) -> APIRouter:
    """Return the routes."""
    router, reader = resource(), StoredReader(process.engine)

    @router.get("/journal", response_model=JournalPage)
    async def listed(
        enrollment: Enrollment = None, cursor: NumberCursor = None, limit: Limit = LIMIT
    ) -> Mapping[str, Any]:
        """List transitions and checkpoints, newest first."""
        return page(await reader.journal(enrollment, cursor, limit + 1), limit)

    return router
