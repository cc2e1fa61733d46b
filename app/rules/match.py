"""MATCH: one event against the rulebook in force. Pure and total: whatever comes, there is a decision."""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING, Any

from app.model import Decision, EnrollRequest, RuleFact, Verdict
from app.people.addresses import normalise
from app.rules.expressions import Facts, Failed

if TYPE_CHECKING:
    from app.model import Event
    from app.rules.rulebook import EnrollAction, Rule, Rulebook

LONGEST_CONDITION = 160
MATCHED = "matched"
NO_EMAIL = "the event has no usable e-mail address"


def heard(event: Event, book: Rulebook) -> bool:
    """Tell whether any rule listens to events like this one; what was dropped is a "no" to be explained, too."""
    return event.dropped is not None or (event.source, event.type) in book.listeners


def decide(event: Event, book: Rulebook) -> list[Decision]:
    """Return what follows from `event`: a decision per matching rule (first match wins unless it says `continue`).

    An event that no rule matches has one decision, with what each listening rule said.
    """
    if event.dropped is not None:
        return [Decision(Verdict.DROPPED, event.dropped, book.revision)]
    facts: list[RuleFact] = []
    decisions: list[Decision] = []
    values = Facts(event)
    for rule in book.listeners.get((event.source, event.type), ()):
        fact = _ask(rule, values)
        facts.append(fact)
        if fact.matched:
            decisions.append(_act(rule, event, values, book, tuple(facts)))
        if (fact.matched and not rule.goes_on) or (fact.error and rule.stops_on_error):
            break
    return decisions or [_no_match(facts, book)]


def _ask(rule: Rule, values: Facts) -> RuleFact:
    """Evaluate one condition. Only the value `true` is a match: an engine's error must never be one."""
    if rule.when is None:
        return RuleFact(rule.id, rule.line, matched=True, because="it has no condition")
    value = rule.when.evaluate(values)
    if value is True:
        return RuleFact(rule.id, rule.line, matched=True, because="its condition is true")
    if isinstance(value, Failed):
        told = f"its condition could not be evaluated: {value.because}"
        return RuleFact(rule.id, rule.line, matched=False, because=told, error=True)
    told = "its condition is false" if value is False else "its condition is neither true nor false"
    told = f"{told}: {shortened(rule.when.text)}"
    return RuleFact(rule.id, rule.line, matched=False, because=told, error=value is not False)


def shortened(condition: str) -> str:
    """Return a condition on one line, of a length that a report bears."""
    line = " ".join(condition.split())
    return line if len(line) <= LONGEST_CONDITION else line[: LONGEST_CONDITION - 1] + "…"


def _act(rule: Rule, event: Event, values: Facts, book: Rulebook, facts: tuple[RuleFact, ...]) -> Decision:
    if rule.enroll is None:
        return Decision(Verdict.IGNORE, f"rule {rule.id} ignores it", book.revision, rule.id, rule.line, facts)
    email = normalise(event.email)
    if email is None:
        return Decision(Verdict.NONE, NO_EMAIL, book.revision, rule.id, rule.line, facts)
    request = _request(rule.enroll, email, values, book)
    return Decision(rule.enroll.plan.action, MATCHED, book.revision, rule.id, rule.line, facts, request)


def _request(action: EnrollAction, email: str, values: Facts, book: Rulebook) -> EnrollRequest:
    written = {name: _written(expression.evaluate(values)) for name, expression in action.properties.items()}
    return EnrollRequest(
        account=book.accounts[action.account].name,
        email=email,
        sequence=action.sequence,
        plan=action.plan,
        properties={name: value for name, value in written.items() if value},
        require=action.require,
        intent=action.intent,
        expires_after=action.expires_after,
        delay=action.delay,
        priority=action.priority,
    )


def _written(value: Any) -> str:
    """Return a value as HubSpot takes it, empty where there is none: an empty value overwrites nothing."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip().replace("\x00", "") if isinstance(value, (str, int, float)) else ""


def _no_match(facts: list[RuleFact], book: Rulebook) -> Decision:
    reason = "; ".join(f"{fact.rule}: {fact.because}" for fact in facts[:5]) or "no rule listens to it"
    return Decision(Verdict.NONE, reason, book.revision, facts=tuple(facts))
