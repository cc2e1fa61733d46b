"""The overview: whether it is going, and what needs a person."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.console import needs as words
from app.console.account_line import line_of
from app.console.account_words import doctor_in_words
from app.console.first_steps import first_steps, practice_command
from app.console.funnel import Step, steps
from app.console.lists import PERIOD_WORDS, Period, period_links, with_query
from app.console.overview_reads import slow_reads
from app.console.page import LIVE_SECONDS, ROOT, Pages, Place, Visit
from app.console.source_words import MARKS, word_of
from app.console.text import number
from app.enrollments.reasons import why
from app.model import State
from app.operators import Role
from app.reports.overview_store import Standing, read_standing

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from app.bulk.groups import ParkedGroup
    from app.console.account_line import AccountLine
    from app.console.context import Console
    from app.console.first_steps import FirstStep
    from app.console.overview_reads import Slow, Tallied
    from app.rules.rulebook import Rulebook
    from app.senders.status import SenderStatus
    from app.tallies.figures import Funnel, HourCount, SourceTally

PARKED_ROWS, SENDER_ROWS, ACCOUNT_ROWS = 6, 8, 8
COLUMNS_BY_HOUR = 48  # beyond so many hours the plots have a column for each day


@dataclass(frozen=True, slots=True)
class Plot:
    """One plot: a word and a figure for each column, all of them, and the words below it."""

    columns: tuple[tuple[str, float], ...]
    total: int
    axis: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One source: `word` is healthy, failing, silent or nothing yet, and `state` its mark."""

    name: str
    provider: str
    state: str
    word: str
    last_at: datetime | None
    received: int
    rejected: int


@dataclass(frozen=True, slots=True)
class ParkedLine:
    """One cause."""

    clause: str
    code: str
    url: str
    where: str
    since: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Overview:
    """The page. Senders and accounts are those of `set_up_at`."""

    period: str
    span: str
    periods: tuple[tuple[str, str], ...]
    lead: str
    needs: tuple[words.Need, ...]
    standing: Standing
    matched: int
    enrolled: int
    replied: int
    steps: tuple[Step, ...]
    matched_plot: Plot
    enrolled_plot: Plot
    parked: tuple[ParkedLine, ...]
    senders: tuple[SenderStatus, ...]
    more_senders: int
    several_accounts: bool
    sources: tuple[SourceLine, ...]
    accounts: tuple[AccountLine, ...]
    more_accounts: int
    doctor: str
    set_up_at: datetime
    first: tuple[FirstStep, ...]


def pages(console: Console) -> Pages:
    """Return the page."""
    pages, slow = Pages(Place("Overview", "", 0)), slow_reads(console)

    @pages.show("/overview", "overview.html", live=LIVE_SECONDS)
    async def overview(visit: Visit) -> Overview:
        return await _overview(console, slow, visit)

    return pages


async def _overview(console: Console, slow: Slow, visit: Visit) -> Overview:
    period, now, book = visit.query(Period).period, visit.now, console.process.rulebook.current
    tallied, set_up = await slow.tallied[period].value(), await slow.set_up.value()
    funnel, sources, senders = tallied.funnel, tallied.sources, set_up.senders
    standing, groups = await read_standing(console.reads)
    silent = {source: one.why for source, one in (await slow.silent.value(visit.zone)).items() if one.silent}
    facts = [one for one in set_up.accounts if one.budget]  # of the rules in force
    accounts = tuple(line_of(one, visit) for one in facts)
    # Whatever the period: how a source is, and what needs a person, are matters of today.
    needed = words.needs(accounts, groups, tallied.lately, sorted(silent.items()), senders, now)
    return Overview(
        period,
        PERIOD_WORDS[period],
        period_links(visit),
        words.lead(needed, funnel.enrolled, funnel.matched, PERIOD_WORDS[period]),
        needed,
        standing,
        funnel.matched,
        funnel.enrolled,
        funnel.replied,
        _steps(funnel, sources),
        _plot(tallied.matched, visit.zone),
        _plot(tallied.enrolled, visit.zone),
        tuple(_parked(group) for group in groups[:PARKED_ROWS]),
        tuple(sorted(senders, key=lambda one: (one.paused_at is None, one.left / max(1, one.limit)))[:SENDER_ROWS]),
        max(0, len(senders) - SENDER_ROWS),
        len({sender.account for sender in senders}) > 1,
        _sources(sources, {one.source: one for one in tallied.lately}, book, silent),
        tuple(sorted(accounts, key=lambda one: one.standing.mark != "bad")[:ACCOUNT_ROWS]),
        max(0, len(accounts) - ACCOUNT_ROWS),
        doctor_in_words([one.run for one in facts], now, visit.zone),
        set_up.at,
        _first(console, visit, tallied, standing, accounts),
    )


def _first(
    console: Console, visit: Visit, tallied: Tallied, standing: Standing, accounts: Iterable[AccountLine]
) -> tuple[FirstStep, ...]:
    process = console.process
    book, practice = process.rulebook.current, process.practice
    base = process.settings.senders_url or f"localhost:{process.settings.port}"
    return first_steps(
        book,
        tallied.funnel,
        tallied.sources,
        standing,
        lets_in=practice or any(one.standing.lets_in for one in accounts),  # the sandbox lets everybody in
        # A viewer would see its address masked.
        command=practice_command(book, base) if practice and visit.may(Role.OPERATOR) else None,
    )


def _steps(funnel: Funnel, sources: Sequence[SourceTally]) -> tuple[Step, ...]:
    rejections = Counter[str]()
    for source in sources:
        rejections.update(dict(source.rejections))
    return steps(funnel, rejections.most_common())


def _plot(hours: Sequence[HourCount], zone: ZoneInfo) -> Plot:
    """Return the columns of a plot: the hours, or the days of `zone` where there are many."""
    if len(hours) <= COLUMNS_BY_HOUR:
        columns = [(f"{one.hour.astimezone(zone):%H:%M}", one.n) for one in hours]
    else:
        days = Counter[str]()
        for one in hours:
            days[f"{one.hour.astimezone(zone):%a %d %b}"] += one.n
        columns = list(days.items())
    marks = [columns[place * (len(columns) - 1) // 4][0] for place in range(4)] if columns else []
    shown = tuple((f"{word}: {number(n)}", float(n)) for word, n in columns)
    return Plot(shown, sum(one.n for one in hours), (*marks, "now"))


def _parked(group: ParkedGroup) -> ParkedLine:
    clause = why(State.PARKED, group.value, name="the person").clause if group.value else "the cause is not recorded"
    where = f"sender {group.sender}" if group.sender else f"rule {group.rule}" if group.rule else f"{group.rules} rules"
    asked = {"reason": group.value} if group.value else {}
    return ParkedLine(clause, group.value or "", with_query(f"{ROOT}/parked", asked), where, group.since, group.count)


def _sources(
    tallied: Sequence[SourceTally],
    lately: Mapping[str, SourceTally],
    book: Rulebook | None,
    silent: Container[str],
) -> tuple[SourceLine, ...]:
    found = []
    for one in tallied:
        if book and (config := book.sources.get(one.source)):
            word = word_of(lately.get(one.source, one), silent=one.source in silent)
            line = SourceLine(one.source, config.provider, MARKS[word], word, one.last_at, one.received, one.rejected)
            found.append(line)
    return tuple(found)
