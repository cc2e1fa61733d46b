"""Enrollments: what became of each, narrowed by what a person looks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from app.console.bulk_changes import add_waiting
from app.console.enrollment_lines import Line, line_of
from app.console.lists import PAGE_ROWS, PERIOD_WORDS, Period, Slice, looked, period_links, sliced, with_query
from app.console.page import ROOT, Pages, Place, Visit
from app.console.states import SHOWN, enrollments_counted
from app.enrollments.operator_store import CANCELLABLE
from app.model import State
from app.operators import Role
from app.reports.enrollments_store import COUNTED, EnrollmentReads, Found, Wanted
from app.reports.id_times import first_id
from app.web.fields import STORABLE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from app.console.context import Console
    from app.rules.rulebook import Rulebook

NARROWED = ("state", "rule", "source", "sender", "account", "reason")
Choices = tuple[tuple[str, str], ...]


class Asked(Period):
    """What the list is narrowed to."""

    state: State | None = None
    rule: str | None = Field(None, max_length=200, pattern=STORABLE)
    source: str | None = Field(None, max_length=200, pattern=STORABLE)
    sender: str | None = Field(None, max_length=200, pattern=STORABLE)
    account: str | None = Field(None, max_length=200, pattern=STORABLE)
    reason: str | None = Field(None, max_length=200, pattern=STORABLE)

    def wanted(self, now: datetime) -> Wanted:
        """Return what the store is asked."""
        named = {name: value for name in NARROWED if (value := getattr(self, name)) is not None}
        columns = {name: str(value) for name, value in named.items()}
        return Wanted(first_id("enr", self.since(now)), columns, self.before, self.after)


@dataclass(frozen=True, slots=True)
class EnrollmentsPage:
    """The list: `sentence` says what all of it comes to, `asked` what it is narrowed to.

    `looked_back_to` is when the look ended before the list did, and `further` leads on from there. `cancel` is where an
    operator may cancel what waits of it, whatever the period.
    """

    sentence: str
    lines: Slice[Line]
    asked: Mapping[str, str]
    choices: Mapping[str, Choices]
    period: str
    periods: Choices
    looked_back_to: datetime | None
    further: str | None
    wider: str | None
    cancel: str | None


def pages(console: Console) -> Pages:
    """Return the page, and the cancel of what waits."""
    pages, reads = Pages(Place("Enrollments", "", 40)), EnrollmentReads(console.reads)

    @pages.show("/enrollments", "enrollments.html")
    async def enrollments(visit: Visit) -> EnrollmentsPage:
        asked = visit.query(Asked)
        wanted = asked.wanted(visit.now)
        found = await reads.page(wanted, PAGE_ROWS + 1)
        lines = [line_of(row, found.names) for row in found.rows]
        listed = sliced(lines, [line.id for line in lines], asked, visit)
        return _page(visit, asked, found, listed, console.process.rulebook.current)

    add_waiting(pages, console)
    return pages


def _page(visit: Visit, asked: Asked, found: Found, listed: Slice[Line], book: Rulebook | None) -> EnrollmentsPage:
    listed, looked_back_to, further = looked(listed, found.looked_back_to, asked, visit)
    named = asked.wanted(visit.now).columns
    return EnrollmentsPage(
        sentence=_sentence(found.counts, PERIOD_WORDS[asked.period], narrowed=bool(named)),
        lines=listed,
        asked={name: named.get(name) or "" for name in NARROWED},
        choices=_choices(book, named),
        period=asked.period,
        periods=period_links(visit),
        looked_back_to=looked_back_to,
        further=further,
        wider=None if asked.period == "30d" else period_links(visit)[-1][1],
        cancel=_cancel(asked) if visit.may(Role.OPERATOR) else None,
    )


def _sentence(counts: Mapping[str, int], period: str, *, narrowed: bool) -> str:
    if not counts:
        return f"No enrollment{' of these' if narrowed else ''} in the last {period}."
    return f"{enrollments_counted(counts, COUNTED)}, in the last {period}."


def _cancel(asked: Asked) -> str | None:
    """Return where what waits of the list may be cancelled: where it is narrowed to more than a state."""
    named = {name: str(value) for name in NARROWED if (value := getattr(asked, name)) is not None}
    if not named.keys() - {"state"} or asked.state not in {None, *CANCELLABLE}:
        return None
    return with_query(f"{ROOT}/enrollments/cancel", named)


def _choices(book: Rulebook | None, named: Mapping[str, str | None]) -> dict[str, Choices]:
    """Return what each field may be narrowed to: what the rules in force name, and what is chosen now."""
    known: dict[str, list[str]] = {
        "rule": [rule.id for rule in book.rules] if book else [],
        "source": sorted(book.sources) if book else [],
        "sender": sorted(book.senders) if book else [],
        "account": sorted(one.name for one in book.accounts.values()) if book else [],
    }
    found = {name: tuple((value, value) for value in _with(values, named.get(name))) for name, values in known.items()}
    return found | {"state": tuple((str(state), word) for state, (_, word) in SHOWN.items())}


def _with(values: list[str], chosen: str | None) -> list[str]:
    return values if chosen is None or chosen in values else [chosen, *values]
