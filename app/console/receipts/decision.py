"""What the rules made of an event, in sentences: for each verdict, matched or not. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.console.receipts.actions import words_of
from app.console.receipts.enrollment import Receipt
from app.console.receipts.wording import as_sentence, rule_named
from app.console.text import capital
from app.masking import masked_text
from app.model import ENROLL, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from app.console.receipts.wording import Clock

MOST_FACTS = 5
NOT_DECIDED = "Nothing was decided about it yet: its tool is asked for what the event does not carry."


@dataclass(frozen=True, slots=True)
class DecisionFacts:
    """What a sentence needs of a decision.

    `target` is what the rule's action is directed at, as people call it. `until` is when the intent is free again, for
    a duplicate, where that is known; `holder` is the enrollment that has the intent, as people call it.
    """

    person: str
    verdict: str
    reason: str
    at: datetime
    rule: str | None = None
    description: str | None = None
    line: int | None = None
    facts: Sequence[Mapping[str, Any]] = ()
    target: str = ""
    holder: str | None = None
    until: datetime | None = None


def decision_receipt(facts: DecisionFacts, clock: Clock) -> Receipt:
    """Return what a decision says, with a note for each rule that looked at the event and did not match."""
    return Receipt((_sentence(facts, clock),), notes=_looks(facts), code=facts.verdict)


def _sentence(facts: DecisionFacts, clock: Clock) -> str:
    rule = rule_named(facts.rule, facts.description) if facts.rule else ""
    not_enrolled = words_of(ENROLL, name=facts.person, target=facts.target or "a sequence").undone
    match facts.verdict:
        case Verdict.IGNORE:
            return f"{not_enrolled}: {rule or 'a rule'} says to do nothing about such events."
        case Verdict.NONE:
            return f"{not_enrolled}: {_none(facts, rule)}."
        case Verdict.DROPPED:
            return f"Nothing was decided about this member of a batch, which cannot be used: {_masked(facts.reason)}."
        case Verdict.DUPLICATE:
            return _duplicate(facts, rule, clock)
        case Verdict.FORGOTTEN:
            return "Nothing was done about this event: the person was forgotten on request."
    words = words_of(facts.verdict, name=facts.person, target=facts.target or "what the rule names")
    return f"{capital(rule) or 'A rule'} matched {clock.moment(facts.at)}, and asks to {words.asked}."


def _none(facts: DecisionFacts, rule: str) -> str:
    if rule:
        return f"{rule} matched, but {_masked(facts.reason)}"
    if not facts.facts:
        return "no rule listens to such events"
    looked, errors = len(facts.facts), sum(bool(one.get("error")) for one in facts.facts)
    if looked == 1:
        result = "could not be evaluated" if errors else "was not true"
        return f"one rule listens to such events, and its condition {result}"
    failed = f"; {errors} of the conditions could not be evaluated" if errors else ""
    return f"{looked} rules looked at it, and no condition was true{failed}"


def _duplicate(facts: DecisionFacts, rule: str, clock: Clock) -> str:
    holder = facts.holder or facts.reason.removeprefix("duplicate of ")
    until = f", until {clock.moment(facts.until).removeprefix('on ')}" if facts.until else ""
    undone = words_of(ENROLL, name=facts.person, target=facts.target or "a sequence").undone
    return (
        f"{undone} a second time: {rule or 'a rule'} matched, and the reason why it writes is taken{until} by {holder}."
    )


def _looks(facts: DecisionFacts) -> tuple[str, ...]:
    """Return a sentence for each of the first rules that looked and did not match, with the values that they read."""
    missed = [one for one in facts.facts if not one.get("matched")]
    said = tuple(_look(one) for one in missed[:MOST_FACTS])
    more = len(missed) - MOST_FACTS
    return (*said, f"{more} more rules looked at it and did not match.") if more > 0 else said


def _look(fact: Mapping[str, Any]) -> str:
    detail = fact.get("detail") or ""
    because = masked_text(f"{fact.get('because', '')}{f' ({detail})' if detail else ''}")
    return as_sentence(f"{fact.get('rule', '')}, line {fact.get('line', '?')}: {because}")


def _masked(text: str) -> str:
    return masked_text(text).rstrip(".")
