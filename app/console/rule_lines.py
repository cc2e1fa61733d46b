"""One rule as the pages show it: what it listens to, what it does, and what came of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from app.console.page import ROOT
from app.console.rule_words import does_words, examples_of, file_name, listens_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from app.rules.written import WrittenRule
    from app.tallies.figures import RuleTally


@dataclass(frozen=True, slots=True)
class Failing:
    """One example that does not come to what it expects."""

    example: str
    difference: str


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One rule. `place` is where it begins. `received` are the events of its types, in the page's time span."""

    id: str
    url: str
    place: str
    description: str | None
    listens: str
    when: str | None
    does: Sequence[tuple[str, str]]
    account: str | None
    goes_on: bool
    stops_on_error: bool
    received: int
    matched: int
    enrolled: int
    parked: int
    examples_mark: str
    examples: str
    failing: Sequence[Failing]


def line_of(
    rule: WrittenRule, tally: RuleTally | None, received: int, target: str | None, hide: Callable[[Any], Any]
) -> RuleLine:
    """Return a rule as it is shown; `tally` is None where it did nothing. `hide` takes secrets out of its texts."""
    mark, examples = examples_of(rule)
    return RuleLine(
        id=rule.id,
        url=url_of(rule.id),
        place=f"{file_name(rule.file)}:{rule.line}",
        description=hide(rule.description),
        listens=listens_words(rule),
        when=hide(rule.when),
        does=hide(does_words(rule, target)),
        account=rule.account,
        goes_on=rule.goes_on,
        stops_on_error=rule.stops_on_error,
        received=received,
        matched=tally.matched if tally else 0,
        enrolled=tally.enrolled if tally else 0,
        parked=tally.parked if tally else 0,
        examples_mark=mark,
        examples=examples,
        failing=[Failing(hide(one.example), hide(one.difference)) for one in rule.failing],
    )


def url_of(rule: str) -> str:
    """Return the path of a rule's page."""
    return f"{ROOT}/rules/{quote(rule, safe='')}"


def by_rule(tallies: Iterable[RuleTally]) -> Mapping[str, RuleTally]:
    """Return tallies by the rule's id."""
    return {one.rule: one for one in tallies}
