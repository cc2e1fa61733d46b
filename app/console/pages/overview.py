"""The overview: whether it is going, and what needs a person."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from app.bulk.groups import By
from app.bulk.parked_store import ParkedStore
from app.clock import utc_now
from app.console import needs as words
from app.console.account_line import line_of
from app.console.account_reads import read_accounts
from app.console.account_words import doctor_in_words
from app.console.funnel import Step, steps
from app.console.kept import TALLIED_SECONDS, Kept
from app.console.lists import PERIOD_WORDS, PERIODS, Period, period_links, with_query
from app.console.page import LIVE_SECONDS, ROOT, Pages, Place, Visit
from app.console.silent import kept_silence
from app.console.source_words import MARKS, word_of
from app.console.text import number
from app.enrollments.reasons import why
from app.model import State
from app.reports.overview_store import Standing, read_standing
from app.senders.pause_store import SenderPauseStore
from app.senders.status import SenderStatus, SenderStatuses
from app.tallies import read_store as tallies

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from app.bulk.groups import ParkedGroup
    from app.console.account_line import AccountFacts, AccountLine
    from app.console.context import Console
    from app.console.kept import KeptBy
    from app.tallies.figures import Funnel, HourCount, SourceTally
    from app.tallies.silence import Silence

PARKED_ROWS, SENDER_ROWS, ACCOUNT_ROWS = 6, 8, 8
TODAY = "24h"
SET_UP_SECONDS = 10.0  # for which senders and accounts are kept: several statements
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
    """The page."""

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
    nothing_yet: bool


@dataclass(frozen=True, slots=True)
class Slow:
    """What is not read anew for each look.

    The silent sources with their proofs, by time zone; the senders; the accounts; the figures of a period, where it is
    a long one.
    """

    silent: KeptBy[ZoneInfo, Mapping[str, Silence]]
    senders: Kept[list[SenderStatus]]
    accounts: Kept[list[AccountFacts]]
    tallied: Mapping[str, Kept[Tallied]]


@dataclass(frozen=True, slots=True)
class Tallied:
    """The figures of one period."""

    funnel: Funnel
    matched: Sequence[HourCount]
    enrolled: Sequence[HourCount]
    sources: Sequence[SourceTally]


def pages(console: Console) -> Pages:
    """Return the page."""
    pages = Pages(Place("Overview", "", 0))
    statuses = SenderStatuses(SenderPauseStore(console.reads), lambda: console.process.rulebook.current)
    slow = Slow(
        kept_silence(console),
        Kept(statuses.all, SET_UP_SECONDS),
        Kept(partial(read_accounts, console), SET_UP_SECONDS),
        {period: Kept(partial(_tallied, console, period), seconds) for period, seconds in TALLIED_SECONDS.items()},
    )

    @pages.show("/overview", "overview.html", live=LIVE_SECONDS)
    async def overview(visit: Visit) -> Overview:
        return await _overview(console, slow, visit)

    return pages


async def _tallied(console: Console, period: str) -> Tallied:
    """Return the figures of the period that ends now."""
    now, book = utc_now(), console.process.rulebook.current
    since = now - PERIODS[period]
    return Tallied(
        await tallies.funnel(console.reads, since, now),
        *await tallies.matched_and_enrolled(console.reads, since, now),
        await tallies.sources(console.reads, since, now, sorted(book.sources) if book else []),
    )


async def _overview(console: Console, slow: Slow, visit: Visit) -> Overview:
    period = visit.query(Period).period
    now, reads = visit.now, console.reads
    book = console.process.rulebook.current
    providers = {name: config.provider for name, config in book.sources.items()} if book else {}
    tallied = await slow.tallied[period].value()
    funnel, sources = tallied.funnel, tallied.sources
    # Whatever the period: how a source is, and what needs a person, are matters of today.
    lately = sources if period == TODAY else (await slow.tallied[TODAY].value()).sources
    groups = await ParkedStore(reads).groups(By.CAUSE)
    senders, judged = await slow.senders.value(), await slow.silent.value(visit.zone)
    silent = {source: one.why for source, one in judged.items() if one.silent}
    facts = [one for one in await slow.accounts.value() if one.budget]  # of the rules in force
    accounts = tuple(line_of(one, visit) for one in facts)
    needed = words.needs(accounts, groups, lately, sorted(silent.items()), senders, now)
    return Overview(
        period,
        PERIOD_WORDS[period],
        period_links(visit),
        words.lead(needed, funnel.enrolled, funnel.matched, PERIOD_WORDS[period]),
        needed,
        await read_standing(reads),
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
        _sources(sources, {one.source: one for one in lately}, providers, silent),
        tuple(sorted(accounts, key=lambda one: one.standing.mark != "bad")[:ACCOUNT_ROWS]),
        max(0, len(accounts) - ACCOUNT_ROWS),
        doctor_in_words([one.run for one in facts], now, visit.zone),
        nothing_yet=not funnel.received and not any(source.last_at for source in sources),
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
    providers: Mapping[str, str],
    silent: Container[str],
) -> tuple[SourceLine, ...]:
    found = []
    for one in tallied:
        if provider := providers.get(one.source):
            word = word_of(lately.get(one.source, one), silent=one.source in silent)
            line = SourceLine(one.source, provider, MARKS[word], word, one.last_at, one.received, one.rejected)
            found.append(line)
    return tuple(found)
