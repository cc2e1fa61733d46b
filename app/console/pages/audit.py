"""The audit log: who did what, from where, and what it changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field

from app.audit.store import AuditFilters, AuditStore
from app.console.lists import PAGE_ROWS, Period, Slice, period_links, sliced
from app.console.page import Pages, Place, Visit
from app.operators import Role
from app.web.fields import STORABLE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from app.console.context import Console


class Asked(Period):
    """What the log is narrowed to."""

    who: str | None = Field(None, max_length=100, pattern=STORABLE)
    what: str | None = Field(None, max_length=100, pattern=STORABLE)


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the log."""

    id: str
    at: datetime
    who: str
    role: str | None
    origin: str
    what: str
    target: str | None
    before: Any
    after: Any
    outcome: str


@dataclass(frozen=True, slots=True)
class AuditPage:
    """The page: its lines, and what they were narrowed to."""

    lines: Slice[Line]
    who: str
    what: str
    period: str
    periods: tuple[tuple[str, str], ...]


def pages(console: Console) -> Pages:
    """Return the page."""
    pages, store = Pages(Place("Audit log", "Keep", 30)), AuditStore(console.reads)

    @pages.show("/audit", "audit.html", role=Role.ADMIN)
    async def audit(visit: Visit) -> AuditPage:
        asked = visit.query(Asked)
        filters = AuditFilters(
            who=asked.who, what=asked.what, since=asked.since(visit.now), after=asked.before, limit=PAGE_ROWS + 1
        )
        lines = [_line(row) for row in await store.page(filters)]
        listed = sliced(lines, [line.id for line in lines], asked, visit)
        return AuditPage(listed, asked.who or "", asked.what or "", asked.period, period_links(visit))

    return pages


def _line(row: Mapping[str, Any]) -> Line:
    return Line(**{name: row[name] for name in Line.__slots__})
