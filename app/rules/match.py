"""MATCH: one event against the rulebook in force. Pure and total: every event has a decision."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from app.model import Decision, RuleFact, Verdict
from app.people.addresses import normalise
from app.rules.expressions import Facts, Failed

if TYPE_CHECKING:
    from app.model import EnrollRequest, Event
    from app.rules.rulebook import EnrollAction, Rule, Rulebook

LONGEST_CONDITION = 160
MATCHED = "matched"
NO_EMAIL = "the event has no usable e-mail address"


def heard(event: Event, rulebook: Rulebook) -> bool:
    """Tell whether any rule listens to events like this one. A dropped event counts: its "no" is explained, too."""
    return event.dropped is not None or (event.source, event.type) in rulebook.listeners


def decide(event: Event, rulebook: Rulebook) -> list[Decision]:
    """Return what follows from `event`: a decision per matching rule (first match wins unless it says `continue`).

    An event that no rule matches has one decision, with the result of each listening rule.
    """
    if event.dropped is not None:
        return [Decision(Verdict.DROPPED, event.dropped, rulebook.revision)]
    facts: list[RuleFact] = []
    decisions: list[Decision] = []
    values = Facts(event)
    for rule in rulebook.listeners.get((event.source, event.type), ()):
        fact = _evaluate(rule, values)
        facts.append(fact)
        if fact.matched:
            decisions.append(_act(rule, event, values, rulebook, tuple(facts)))
        if (fact.matched and not rule.goes_on) or (fact.error and rule.stops_on_error):
            break
    return decisions or [_no_match(facts, rulebook)]


def _evaluate(rule: Rule, values: Facts) -> RuleFact:
    """Evaluate one condition. Only the value `true` is a match: an error of the engine must never be one."""
    if rule.when is None:
        return RuleFact(rule.id, rule.line, matched=True, because="it has no condition")
    value = rule.when.evaluate(values)
    if value is True:
        return RuleFact(rule.id, rule.line, matched=True, because="its condition is true")
    if isinstance(value, Failed):
        because = f"its condition could not be evaluated: {value.because}"
        return RuleFact(rule.id, rule.line, matched=False, because=because, error=True)
    result = "false" if value is False else "neither true nor false"
    because = f"its condition is {result}: {shortened(rule.when.text)}"
    return RuleFact(rule.id, rule.line, matched=False, because=because, error=value is not False)


def shortened(condition: str) -> str:
    """Return a condition on one line, cut to 160 characters."""
    line = " ".join(condition.split())
    return line if len(line) <= LONGEST_CONDITION else line[: LONGEST_CONDITION - 1] + "…"


def _act(rule: Rule, event: Event, values: Facts, rulebook: Rulebook, facts: tuple[RuleFact, ...]) -> Decision:
    if rule.enroll is None:
        return Decision(Verdict.IGNORE, f"rule {rule.id} ignores it", rulebook.revision, rule.id, rule.line, facts)
    email = normalise(event.email)
    if email is None:
        return Decision(Verdict.NONE, NO_EMAIL, rulebook.revision, rule.id, rule.line, facts)
    request = _request(rule.enroll, email, values, rulebook)
    return Decision(rule.enroll.request.plan.action, MATCHED, rulebook.revision, rule.id, rule.line, facts, request)


def _request(action: EnrollAction, email: str, values: Facts, rulebook: Rulebook) -> EnrollRequest:
    written = {name: _written(expression.evaluate(values)) for name, expression in action.properties.items()}
    return replace(
        action.request,
        account=rulebook.accounts[action.request.account].name,
        email=email,
        properties={name: value for name, value in written.items() if value},
    )


def _written(value: Any) -> str:
    """Return a value as HubSpot takes it; empty where there is none, and then nothing is overwritten."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip().replace("\x00", "") if isinstance(value, (str, int, float)) else ""


def _no_match(facts: list[RuleFact], rulebook: Rulebook) -> Decision:
    reason = "; ".join(f"{fact.rule}: {fact.because}" for fact in facts[:5]) or "no rule listens to it"
    return Decision(Verdict.NONE, reason, rulebook.revision, facts=tuple(facts))
