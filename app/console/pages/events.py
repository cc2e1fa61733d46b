"""Events: whether something came, and what became of it; rejected deliveries beside the accepted ones where asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field

from app.console.became import WAITS, Became, all_became, verdict_choices
from app.console.came import CameReads
from app.console.lists import PAGE_ROWS, PERIOD_WORDS, Period, Slice, looked, period_links, sliced, with_query
from app.console.page import ROOT, Pages, Place, Visit
from app.console.receipts.delivery import rejection
from app.console.receipts.wording import as_sentence, person_named
from app.console.source_changes import url_of
from app.console.text import exactly, masked
from app.operators import Role
from app.reports.event_statements import EventFilters
from app.reports.event_store import EventStore
from app.rules.actions import ACTIONS
from app.web.fields import STORABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from app.console.came import Came
    from app.console.context import Console
    from app.reports.event_store import EventPage
    from app.rules.rulebook import Rulebook

REJECTED_ROWS = 50  # more than are kept of one source
KEY = "^(evt|dec)_[0-9a-z]{1,60}$"
Choices = tuple[tuple[str, str], ...]


class Asked(Period):
    """What the list is narrowed to. Where that is what became of events, their decisions are the keys of pages."""

    source: str | None = Field(None, max_length=200, pattern=STORABLE)
    type: str | None = Field(None, max_length=200, pattern=STORABLE)
    became: str | None = Field(None, max_length=50, pattern="^[a-z-]+$")
    rejected: str | None = Field(None, pattern="^1$")
    before: str | None = Field(None, pattern=KEY)
    after: str | None = Field(None, pattern=KEY)

    def filters(self, now: datetime) -> EventFilters:
        """Return what the store is asked."""
        return EventFilters(
            source=self.source,
            type=self.type,
            verdict=self.became,
            since=self.since(now),
            before=self.before,
            after=self.after,
            limit=PAGE_ROWS + 1,
        )


@dataclass(frozen=True, slots=True)
class Line:
    """One event: the person is masked where no name is known."""

    id: str
    url: str
    at: datetime
    source: str
    type: str
    person: str
    address: str
    person_url: str | None
    became: tuple[Became, ...]
    repeats: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """One rejected delivery, and why. `url` leads to what was sent, for those who may look at it."""

    id: str
    url: str | None
    at: datetime
    source: str
    status: int
    why: str
    code: str


@dataclass(frozen=True, slots=True)
class EventsPage:
    """The list. `looked_back_to` is when the look ended before the list did, and `further` leads on from there.

    `rejected` are deliveries that were not accepted, None where they are not asked for; `more_rejected` says that more
    are kept.
    """

    sentence: str
    lines: Slice[Line]
    rejected: tuple[Rejected, ...] | None
    more_rejected: bool
    asked: Mapping[str, str]
    choices: Mapping[str, Choices]
    period: str
    periods: Choices
    looked_back_to: datetime | None
    further: str | None
    wider: str | None
    with_rejected: str
    without_rejected: str


def pages(console: Console) -> Pages:
    """Return the page."""
    pages, reads = Pages(Place("Events", "", 30)), EventStore(console.reads)
    links, came_reads = console.links, CameReads(console.reads)

    @pages.show("/events", "events.html")
    async def events(visit: Visit) -> EventsPage:
        asked = visit.query(Asked)
        found, url = await reads.page(asked.filters(visit.now)), await links.urls()
        # What events became is tallied by stages, which are no verdicts.
        came = None if asked.became else await came_reads.of(asked.period, source=asked.source, type_=asked.type)
        rejected = None
        if asked.rejected:
            since = asked.since(visit.now)
            rows = await reads.rejected(asked.source, limit=REJECTED_ROWS + 1)
            rejected = tuple(_rejected(row, visit) for row in rows if row["received_at"] >= since)
        return _page(visit, asked, found, came, rejected, url, console.process.current_rulebook())

    return pages


def _page(
    visit: Visit,
    asked: Asked,
    found: EventPage,
    came: Came | None,
    rejected: tuple[Rejected, ...] | None,
    url: Callable[[str | None], str | None],
    book: Rulebook,
) -> EventsPage:
    named = {name: getattr(asked, name) or "" for name in ("source", "type", "became", "rejected")}
    rows, ended = [_line(row, found, url) for row in found.rows], found.looked_back_to
    whole = sliced(rows, [row["key"] for row in found.rows], asked, visit)
    listed, looked_back_to, further = looked(whole, ended, asked, visit)
    return EventsPage(
        sentence=_sentence(asked, came, listed, looked_all=ended is None),
        lines=listed,
        rejected=rejected[:REJECTED_ROWS] if rejected is not None else None,
        more_rejected=len(rejected or ()) > REJECTED_ROWS,
        asked=named,
        choices=_choices(book, asked),
        period=asked.period,
        periods=period_links(visit),
        looked_back_to=looked_back_to,
        further=further,
        wider=None if asked.period == "30d" else period_links(visit)[-1][1],
        with_rejected=_again(visit, rejected=True),
        without_rejected=_again(visit, rejected=False),
    )


def _sentence(asked: Asked, came: Came | None, listed: Slice[Line], *, looked_all: bool) -> str:
    """Return what came by the tallies, then which of it is shown; that alone where they have less than the page shows.

    They are behind by a minute, and after an upgrade they are still to be counted.
    """
    somewhere = bool(asked.before or asked.after) or not looked_all
    if came is None or came.stored < max(len(listed.items), somewhere):
        return _shown_alone(asked, listed, looked_all=looked_all)
    return f"{came.sentence} {_shown(asked, listed, looked_all=looked_all)}".rstrip()


def _shown(asked: Asked, listed: Slice[Line], *, looked_all: bool) -> str:
    """Return which of the events are on the page, blank where all are."""
    if not listed.items:
        on_page = "None of them stands on this page." if asked.before or asked.after else ""
        return on_page if looked_all else "None of them is among those that were looked at."
    if asked.before or (asked.after and listed.newer):
        return "Earlier ones are shown."
    if listed.older:
        return f"The newest {len(listed.items)} are shown."
    return "" if looked_all else "They are shown as far as was looked."


def _shown_alone(asked: Asked, listed: Slice[Line], *, looked_all: bool) -> str:
    narrowed = any((asked.source, asked.type, asked.became))
    period, of_these, count = PERIOD_WORDS[asked.period], " of these" if narrowed else "", len(listed.items)
    if not count:
        among = "" if looked_all else " among those that were looked at"
        there = " on this page" if looked_all and (asked.before or asked.after) else ""
        return f"No event{of_these} in the last {period}{among}{there}."
    if asked.before or (asked.after and listed.newer):
        return f"Earlier events{of_these} of the last {period}."
    if listed.older:
        return f"The newest {count} events{of_these} of the last {period}."
    as_far = "" if looked_all else ", as far as was looked"
    return f"{exactly(count, 'event')}{of_these} in the last {period}{as_far}."


def _choices(book: Rulebook, asked: Asked) -> dict[str, Choices]:
    """Return what each field may be narrowed to: what the rules in force name, and what is chosen now."""
    types = sorted({type_ for rule in book.rules for type_ in rule.types if asked.source in {None, rule.source}})
    return {
        "source": _with(sorted(book.sources), asked.source),
        "type": _with(types, asked.type),
        "became": verdict_choices(ACTIONS),
    }


def _with(values: list[str], chosen: str | None) -> Choices:
    shown = values if chosen is None or chosen in values else [chosen, *values]
    return tuple((value, value) for value in shown)


def _again(visit: Visit, *, rejected: bool) -> str:
    asked = {
        name: value for name, value in visit.asked.items() if name not in {"rejected", "before", "after"} and value
    }
    return with_query(visit.path, asked | ({"rejected": "1"} if rejected else {}))


def _line(row: Mapping[str, Any], found: EventPage, url: Callable[[str | None], str | None]) -> Line:
    names = {name: row[name] for name in ("first_name", "last_name", "name")}
    decisions = found.became.get(row["id"], ())
    return Line(
        id=row["id"],
        url=f"{ROOT}/events/{row['id']}",
        at=row["received_at"],
        source=row["source"],
        type=row["type"],
        person=person_named(email=row["email"], **names),
        address=masked(row["email"]),
        person_url=url(row["email"]),
        became=all_became(decisions, found.names) or (Became("wait", WAITS, None, None),),
        repeats=row["repeats"],
    )


def _rejected(row: Mapping[str, Any], visit: Visit) -> Rejected:
    url = url_of(row["source"], f"/rejected/{row['id']}") if visit.may(Role.OPERATOR) else None
    why = as_sentence(rejection(row["reason"]).clause)
    return Rejected(row["id"], url, row["received_at"], row["source"], row["status"], why, row["reason"])
