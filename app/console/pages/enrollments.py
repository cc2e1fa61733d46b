"""Enrollments: what became of each, narrowed by what a person looks for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic import Field

from app.console.enrollment_facts import person_of, target_of
from app.console.lists import PAGE_ROWS, PERIOD_WORDS, Period, Slice, period_links, sliced, turned
from app.console.page import ROOT, Pages, Place, Visit
from app.console.receipts.reasons import why
from app.console.receipts.wording import as_sentence
from app.console.states import SHOWN, enrollments_counted, shown
from app.console.text import masked
from app.ids import first_of, time_of
from app.model import State
from app.reports.enrollments_store import COUNTED, EnrollmentReads, Found, Wanted
from app.web.fields import STORABLE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from app.console.context import Console
    from app.rules.rulebook import Rulebook

NARROWED = ("state", "rule", "source", "sender", "reason")
Choices = tuple[tuple[str, str], ...]


class Asked(Period):
    """What the list is narrowed to."""

    state: State | None = None
    rule: str | None = Field(None, max_length=200, pattern=STORABLE)
    source: str | None = Field(None, max_length=200, pattern=STORABLE)
    sender: str | None = Field(None, max_length=200, pattern=STORABLE)
    reason: str | None = Field(None, max_length=200, pattern=STORABLE)

    def wanted(self, now: datetime) -> Wanted:
        """Return what the store is asked."""
        named = {name: value for name in NARROWED if (value := getattr(self, name)) is not None}
        columns = {name: str(value) for name, value in named.items()}
        return Wanted(first_of("enr", self.since(now)), columns, self.before, self.after)


@dataclass(frozen=True, slots=True)
class Line:
    """One enrollment of the list. `mark` and `word` are its state's; `code` stands below the sentence `why`."""

    id: str
    url: str
    at: datetime
    person: str
    address: str
    target: str
    mark: str
    word: str
    why: str
    code: str | None
    rule: str
    source: str
    sender: str | None


@dataclass(frozen=True, slots=True)
class EnrollmentsPage:
    """The list: `sentence` says what all of it comes to, `asked` what it is narrowed to.

    `looked_back_to` is when the look ended before the list did, and `further` leads on from there.
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


def pages(console: Console) -> Pages:
    """Return the page."""
    pages, reads = Pages(Place("Enrollments", "", 40)), EnrollmentReads(console.reads)

    @pages.show("/enrollments", "enrollments.html")
    async def enrollments(visit: Visit) -> EnrollmentsPage:
        asked = visit.query(Asked)
        wanted = asked.wanted(visit.now)
        found = await reads.page(wanted, PAGE_ROWS + 1)
        lines = [_line(row) for row in found.rows]
        listed = sliced(lines, [line.id for line in lines], asked, visit)
        return _page(visit, asked, found, listed, console.process.rulebook.current)

    return pages


def _page(visit: Visit, asked: Asked, found: Found, listed: Slice[Line], book: Rulebook | None) -> EnrollmentsPage:
    ended, forwards = found.looked_back_to, asked.after is not None
    if ended and forwards:
        listed = replace(listed, newer=turned(visit, after=ended))
    back = ended if not forwards else None
    named = asked.wanted(visit.now).columns
    return EnrollmentsPage(
        sentence=_sentence(found.counts, PERIOD_WORDS[asked.period], narrowed=bool(named)),
        lines=listed,
        asked={name: named.get(name, "") for name in NARROWED},
        choices=_choices(book, named),
        period=asked.period,
        periods=period_links(visit),
        looked_back_to=time_of(back) if back else None,
        further=turned(visit, before=back) if back else None,
        wider=None if asked.period == "30d" else period_links(visit)[-1][1],
    )


def _sentence(counts: Mapping[str, int], period: str, *, narrowed: bool) -> str:
    if not counts:
        return f"No enrollment{' of these' if narrowed else ''} in the last {period}."
    return f"{enrollments_counted(counts, COUNTED)}, in the last {period}."


def _choices(book: Rulebook | None, named: Mapping[str, str]) -> dict[str, Choices]:
    """Return what each field may be narrowed to: what the rules in force name, and what is chosen now."""
    known: dict[str, list[str]] = {
        "rule": [rule.id for rule in book.rules] if book else [],
        "source": sorted(book.sources) if book else [],
        "sender": sorted(book.senders) if book else [],
    }
    found = {name: tuple((value, value) for value in _with(values, named.get(name))) for name, values in known.items()}
    return found | {"state": tuple((str(state), word) for state, (_, word) in SHOWN.items())}


def _with(values: list[str], chosen: str | None) -> list[str]:
    return values if chosen is None or chosen in values else [chosen, *values]


def _line(row: Mapping[str, Any]) -> Line:
    person, (mark, word) = person_of(row), shown(row["state"])
    return Line(
        id=row["id"],
        url=f"{ROOT}/enrollments/{row['id']}",
        at=row["created_at"],
        person=person,
        address=masked(row["email"]) if "@" in row["email"] else "",
        target=target_of(row),
        mark=mark,
        word=_word(row, word),
        why=as_sentence(why(State(row["state"]), row["reason"], name=person).clause) if row["reason"] else "",
        code=row["reason"],
        rule=row["rule"],
        source=row["source"],
        sender=row["sender"],
    )


def _word(row: Mapping[str, Any], word: str) -> str:
    if row["replied_at"]:
        return f"{word}, replied"
    return f"{word}, ended" if row["ended"] else word
