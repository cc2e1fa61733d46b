"""Rules: what is in force, whether it works, and what each rule did; and one rule with its text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from app.clock import utc_now
from app.console import rule_changes, rule_lines
from app.console import rule_words as words
from app.console.hidden import hiding
from app.console.kept import KeptBy
from app.console.lists import PERIOD_WORDS, PERIODS, Period, period_links, with_query
from app.console.page import LIVE_SECONDS, ROOT, Pages, Place, Visit, not_there
from app.console.rule_targets import sequences_of, target_names
from app.console.text import number
from app.operators import Role
from app.reports.wiring import rules_in_force
from app.rules.revision_store import RevisionStore
from app.rules.rule_text import rule_text
from app.tallies import read_store as tallies
from app.tallies.figures import ALL, Narrowed
from app.tallies.received import received_by_rule
from app.tallies.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from app.console.context import Console
    from app.console.rule_lines import RuleLine
    from app.rules.rulebook import Rulebook
    from app.rules.written import WrittenRule
    from app.tallies.figures import DayCount, KindTally, RuleTally

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
    pages, shown = Pages(Place("Rules", "Set up", 10)), _Rules(console)
    pages.show("/rules", "rules.html", live=LIVE_SECONDS)(shown.all)
    pages.show("/rules/{rule}", "rule.html", live=LIVE_SECONDS)(shown.one)
    rule_changes.add(pages, console)
    return pages


class _Rules:
    """Reads the models of both pages. Figures are kept for some seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._in_force = rules_in_force(console.process)
        self._revisions = RevisionStore(console.reads)
        self._counted = KeptBy(partial(_counted, console), COUNTED_SECONDS)
        self._by_day = KeptBy(partial(_by_day, console), COUNTED_SECONDS)

    async def all(self, visit: Visit) -> RulesPage:
        book, period = self._in_force.book(), visit.query(Period).period
        rules = await self._in_force.rules(book)
        rejected = await self._revisions.rejected()
        done, kinds = await self._counted.value((period, ALL, ALL))
        in_force = await self._revisions.one(book.revision)
        return RulesPage(
            sentence=words.in_force(in_force, rules, visit.now, visit.zone),
            revision=book.revision,
            rejected=_rejected(rejected, visit) if rejected else None,
            period=period,
            span=PERIOD_WORDS[period],
            periods=period_links(visit),
            lines=await self._lines(rules, book, done, received_by_rule(kinds, book.rules)),
            may_reload=visit.may(Role.ADMIN),
        )

    async def one(self, visit: Visit) -> RulePage:
        book, name, period = self._in_force.book(), visit.parameters["rule"], visit.query(Period).period
        rule = await self._named(name, book)
        done, kinds = await self._counted.value((period, Narrowed(rule=name), Narrowed(source=rule.source)))
        (line,) = await self._lines([rule], book, done, received_by_rule(kinds, book.rules))
        matched, enrolled = await self._by_day.value((name, visit.zone))
        span = PERIOD_WORDS[period]
        return RulePage(
            sentence=words.one_in_words(rule, line.received, line.matched, line.enrolled, span),
            rule=line,
            period=period,
            span=span,
            periods=period_links(visit),
            text=hiding(self._console)(rule_text(book.documents, rule.file, rule.line)),
            matched=_columns(matched),
            enrolled=_columns(enrolled),
            enrolls=name in sequences_of(book),
            events_url=with_query(f"{ROOT}/events", _events_of(rule) | {"period": period}),
            plotted=rule.action != IGNORE,
            revision=book.revision,
        )

    async def _named(self, name: str, book: Rulebook) -> WrittenRule:
        found = next((one for one in await self._in_force.rules(book) if one.id == name), None)
        if found is None:
            raise not_there("rule of this id in the rules that are in force")
        return found

    async def _lines(
        self,
        rules: Iterable[WrittenRule],
        book: Rulebook,
        done: Mapping[str, RuleTally],
        received: Mapping[str, int],
    ) -> list[RuleLine]:
        targets = await target_names(self._console, book)
        hide = hiding(self._console)
        return [
            rule_lines.line_of(one, done.get(one.id), received.get(one.id, 0), targets.get(one.id), hide)
            for one in rules
        ]


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


def _events_of(rule: WrittenRule) -> dict[str, str]:
    """Return what a list of events is narrowed to, so that it has those of a rule: by the type where there is one."""
    return {"source": rule.source} | ({"type": rule.types[0]} if len(rule.types) == 1 else {})


def _rejected(row: Mapping[str, Any], visit: Visit) -> Rejected:
    found = [words.finding(one) for one in row["mistakes"]]
    return Rejected(
        words.rejected_words(row, visit.now, visit.zone),
        found[: rule_changes.MOST_FINDINGS],
        max(0, len(found) - rule_changes.MOST_FINDINGS),
    )


def _columns(days: Sequence[DayCount]) -> list[tuple[str, float]]:
    return [(f"{one.day:%a} {one.day.day} {one.day:%b}: {number(one.n)}", one.n) for one in days]
