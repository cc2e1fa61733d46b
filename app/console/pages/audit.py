"""The audit log: who did what, from where, why, and what it changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from pydantic import Field

from app.audit.store import AuditFilters, AuditStore
from app.console.audit_words import Line, all_in_words, line_of
from app.console.lists import PAGE_ROWS, PERIOD_WORDS, Period, Slice, period_links, sliced
from app.console.page import Pages, Place, Visit
from app.console.text import CAP, whole_day
from app.operators import Role
from app.web.fields import STORABLE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from app.console.context import Console

NARROWED = ("who", "what", "target")
ONE_DAY = timedelta(days=1)


class Asked(Period):
    """What the log is narrowed to. `day` is one on the clock of the page, and takes the place of the period."""

    who: str | None = Field(None, max_length=100, pattern=STORABLE)
    what: str | None = Field(None, max_length=200, pattern=STORABLE)
    target: str | None = Field(None, max_length=500, pattern=STORABLE)
    day: date | None = Field(None, ge=date(2000, 1, 1), le=date(2999, 12, 31))

    def times(self, now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime | None]:
        """Return from when on lines are listed, and before when; None for no end."""
        if self.day is None:
            return self.since(now), None
        begun, ended = (datetime.combine(day, time(), zone) for day in (self.day, self.day + ONE_DAY))
        return begun, ended


@dataclass(frozen=True, slots=True)
class AuditPage:
    """The page: its sentence, its lines, and what they were narrowed to. `day` is blank where a period is meant."""

    sentence: str
    lines: Slice[Line]
    asked: Mapping[str, str]
    day: str
    period: str
    periods: tuple[tuple[str, str], ...]


def pages(console: Console) -> Pages:
    """Return the page."""
    pages, store = Pages(Place("Audit log", "Keep", 30)), AuditStore(console.reads)

    @pages.show("/audit", "audit.html", role=Role.ADMIN)
    async def audit(visit: Visit) -> AuditPage:
        asked = visit.query(Asked)
        named = {name: value for name in NARROWED if (value := getattr(asked, name)) is not None}
        since, until = asked.times(visit.now, visit.zone)
        filters = AuditFilters(
            **named, since=since, until=until, before=asked.before, after=asked.after, limit=PAGE_ROWS + 1
        )
        lines = [line_of(row) for row in await store.page(filters)]
        when = f"on {whole_day(since, visit.zone)}" if asked.day else f"in the last {PERIOD_WORDS[asked.period]}"
        return AuditPage(
            sentence=all_in_words(await store.counts(filters, most=CAP + 1), when, narrowed=bool(named)),
            lines=sliced(lines, [line.id for line in lines], asked, visit),
            asked={name: named.get(name, "") for name in NARROWED},
            day=asked.day.isoformat() if asked.day else "",
            period="" if asked.day else asked.period,
            periods=period_links(visit, leaving=("day",)),
        )

    return pages
