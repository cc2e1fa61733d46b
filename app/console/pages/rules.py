"""Rules: what is in force, whether it works, and what each rule did; and one rule with its text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from app.catalogue.listing_store import names_listed
from app.clock import utc_now
from app.console import rule_changes, rule_lines
from app.console import rule_words as words
from app.console.hidden import hiding
from app.console.kept import KeptBy
from app.console.lists import PERIOD_WORDS, PERIODS, Period, period_links, with_query
from app.console.page import LIVE_SECONDS, ROOT, Pages, Place, Visit, not_there
from app.console.text import number
from app.operators import Role
from app.reports.rules_in_force import RulesInForce
from app.rules.revision_store import RevisionStore
from app.rules.rule_text import rule_text
from app.rules.wiring import variable_values
from app.tallies import read_store as tallies
from app.tallies.figures import ALL, Narrowed
from app.tallies.received import received_by_rule
from app.tallies.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from zoneinfo import ZoneInfo

    from app.console.context import Console
    from app.console.rule_lines import RuleLine
    from app.rules.rulebook import Rulebook
    from app.rules.written import WrittenRule
    from app.tallies.figures import DayCount, KindTally, RuleTally

MOST_FINDINGS = 20
COUNTED_SECONDS = 15.0  # for which figures are kept: those of a month may be sums of very many cells
IGNORE = "ignore"  # the action of a rule that asks for nothing


@dataclass(frozen=True, slots=True)
class Rejected:
    """The last rules that were rejected since those in force came: a sentence, and what was found in the file."""

    sentence: str
    findings: Sequence[str]
    more: int


@dataclass(frozen=True, slots=True)
class RulesPage:
    """All rules, with their figures of a period."""

    sentence: str
    revision: str
    rejected: Rejected | None
    period: str
    span: str
    periods: tuple[tuple[str, str], ...]
    lines: Sequence[RuleLine]
    may_reload: bool


@dataclass(frozen=True, slots=True)
class RulePage:
    """One rule: its text as the file has it, its figures of a period, and a column for each of its days.

    `plotted` says that it has such columns: what a rule ignores is not counted by the day.
    """

    sentence: str
    rule: RuleLine
    period: str
    span: str
    periods: tuple[tuple[str, str], ...]
    text: str
    matched: Sequence[tuple[str, float]]
    enrolled: Sequence[tuple[str, float]]
    enrolls: bool
    events_url: str
    plotted: bool
    revision: str


def pages(console: Console) -> Pages:
    """Return both pages, and the change."""
    pages, store = Pages(Place("Rules", "Set up", 10)), RevisionStore(console.reads)
    process = console.process
    counted = KeptBy(partial(_counted, console), COUNTED_SECONDS)
    by_day = KeptBy(partial(_by_day, console), COUNTED_SECONDS)
    in_force = RulesInForce(lambda: process.rulebook.current, partial(variable_values, read=process.variable))

    @pages.show("/rules", "rules.html", live=LIVE_SECONDS)
    async def rules(visit: Visit) -> RulesPage:
        book, period = in_force.book(), visit.query(Period)
        listed = await in_force.rules(book)
        rejected = await store.rejected()
        done, kinds = await counted.value((period.period, ALL, ALL))
        received = received_by_rule(kinds, book.rules)
        targets, hide = await _targets(console, book), hiding(console)
        return RulesPage(
            sentence=words.in_force(await store.one(book.revision), listed, visit.now, visit.zone),
            revision=book.revision,
            rejected=_rejected(rejected, visit) if rejected else None,
            period=period.period,
            span=PERIOD_WORDS[period.period],
            periods=period_links(visit),
            lines=[
                rule_lines.line_of(one, done.get(one.id), received.get(one.id, 0), targets.get(one.id), hide)
                for one in listed
            ],
            may_reload=visit.may(Role.ADMIN),
        )

    @pages.show("/rules/{rule}", "rule.html", live=LIVE_SECONDS)
    async def rule(visit: Visit) -> RulePage:
        book, name = in_force.book(), visit.parameters["rule"]
        found = next((one for one in await in_force.rules(book) if one.id == name), None)
        if found is None:
            raise not_there("rule of this id in the rules that are in force")
        period, only = visit.query(Period), Narrowed(rule=name)
        done, kinds = await counted.value((period.period, only, Narrowed(source=found.source)))
        targets, hide = await _targets(console, book), hiding(console)
        received = received_by_rule(kinds, book.rules).get(name, 0)
        line = rule_lines.line_of(found, done.get(name), received, targets.get(name), hide)
        matched, enrolled = await by_day.value((name, visit.zone))
        span = PERIOD_WORDS[period.period]
        return RulePage(
            sentence=words.one_in_words(found, line.received, line.matched, line.enrolled, span),
            rule=line,
            period=period.period,
            span=span,
            periods=period_links(visit),
            text=hide(rule_text(book.documents, found.file, found.line)),
            matched=_columns(matched),
            enrolled=_columns(enrolled),
            events_url=with_query(f"{ROOT}/events", _events_of(found) | {"period": period.period}),
            plotted=found.action != IGNORE,
            enrolls=name in rule_lines.sequences_of(book),
            revision=book.revision,
        )

    rule_changes.add(pages, console)
    return pages


async def _counted(
    console: Console, asked: tuple[str, Narrowed, Narrowed]
) -> tuple[Mapping[str, RuleTally], Sequence[KindTally]]:
    """Return what rules did in a period that ends now, and what was received: each narrowed as it is asked for."""
    period, rules, kinds = asked
    now = utc_now()
    since = now - PERIODS[period]
    done = rule_lines.by_rule(await tallies.rules(console.reads, since, now, rules))
    return done, await tallies.kinds(console.reads, since, now, kinds)


async def _by_day(console: Console, asked: tuple[str, ZoneInfo]) -> tuple[Sequence[DayCount], Sequence[DayCount]]:
    """Return what a rule matched and enrolled on each of the last thirty days of a time zone."""
    (name, zone), now = asked, utc_now()
    only, since = Narrowed(rule=name), now - PERIODS["30d"]
    matched = await tallies.days(console.reads, tallies.MATCHES, since, now, zone, only)
    return matched, await tallies.days(console.reads, Stage.ENROLLED, since, now, zone, only)


async def _targets(console: Console, book: Rulebook) -> Mapping[str, str]:
    sequences = [sequence for _, sequence in rule_lines.sequences_of(book).values()]
    return rule_lines.targets_of(book, await names_listed(console.reads, sequences=sequences))


def _events_of(rule: WrittenRule) -> dict[str, str]:
    """Return what a list of events is narrowed to, so that it has those of a rule: by the type where there is one."""
    return {"source": rule.source} | ({"type": rule.types[0]} if len(rule.types) == 1 else {})


def _rejected(row: Mapping[str, Any], visit: Visit) -> Rejected:
    found = [words.finding(one) for one in row["mistakes"]]
    return Rejected(
        words.rejected_words(row, visit.now, visit.zone), found[:MOST_FINDINGS], max(0, len(found) - MOST_FINDINGS)
    )


def _columns(days: Sequence[DayCount]) -> list[tuple[str, float]]:
    return [(f"{one.day:%a} {one.day.day} {one.day:%b}: {number(one.n)}", one.n) for one in days]
