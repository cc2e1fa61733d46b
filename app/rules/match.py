"""MATCH: one event against the rulebook in force. Pure and total: every event has a decision."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from app.model import Decision, RuleFact, Verdict
from app.people.addresses import normalise
from app.people.invisible import has_invisible
from app.people.made_up import made_up
from app.rules.explain import shortened, why_not
from app.rules.expressions import Failed
from app.rules.facts import Facts

if TYPE_CHECKING:
    from app.model import Event, PropertyValue
    from app.rules.rulebook import EnrollAction, Rule, Rulebook

LONGEST_CONDITION = 160
MATCHED = "matched"
NAMES = {dict: "object", list: "list of lists", timedelta: "duration", bytearray: "bytes"}
NO_EMAIL = "the event has no usable e-mail address"
NO_PERSON = "there is no address of the person"
CLEANED = "characters that are not seen (zero-width, bidirectional, soft hyphens) were taken off its e-mail address"


def heard(event: Event, rulebook: Rulebook) -> bool:
    """Tell whether any rule listens to events like this one. A dropped event counts: its "no" is explained, too."""
    return event.dropped is not None or hears_type(event.source, rulebook, event.type)


def hears_type(source: str, rulebook: Rulebook, kind: str) -> bool:
    """Tell whether any rule listens to events of this type from this source."""
    return (source, kind) in rulebook.listeners


def decide(event: Event, rulebook: Rulebook) -> list[Decision]:
    """Return what follows from `event`: a decision per matching rule (first match wins unless it says `continue`).

    An event that no rule matches has one decision, with the result of each listening rule.
    """
    if event.dropped is not None:
        return [Decision(Verdict.DROPPED, event.dropped, rulebook.revision)]
    facts: list[RuleFact] = []
    stopped: Rule | None = None
    decisions: list[Decision] = []
    values = Facts(event, rulebook.lists)
    for rule in rulebook.listeners.get((event.source, event.type), ()):
        fact = _evaluate(rule, values)
        facts.append(fact)
        if fact.matched:
            decisions.append(_act(rule, event, values, rulebook, tuple(facts)))
        if fact.error and rule.stops_on_error:
            stopped = rule
        if stopped or (fact.matched and not rule.goes_on):
            break
    found = decisions or [_no_match(facts, rulebook, values, stopped)]
    return [_with_cuts(decision, event) for decision in found] if event.cut else found


def _with_cuts(decision: Decision, event: Event) -> Decision:
    """Return the decision with which fields of the event were cut: with its last fact, or with the reason."""
    note = f"only the beginning was kept of {', '.join(event.cut)}"
    if not decision.facts:
        return replace(decision, reason=f"{decision.reason}; {note}")
    *before, last = decision.facts
    return replace(decision, facts=(*before, replace(last, because=f"{last.because}; {note}")))


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
    because = f"its condition is {result}: {shortened(rule.when.text, LONGEST_CONDITION)}"
    return RuleFact(rule.id, rule.line, matched=False, because=because, error=value is not False)


def _act(rule: Rule, event: Event, values: Facts, rulebook: Rulebook, facts: tuple[RuleFact, ...]) -> Decision:
    if rule.enroll is None:
        return Decision(Verdict.IGNORE, f"rule {rule.id} ignores it", rulebook.revision, rule.id, rule.line, facts)
    email, kind = normalise(event.email), made_up(event.email)
    if email is None or kind is not None:
        reason = f"{NO_PERSON}: {kind}" if kind else _lacking(NO_EMAIL, event)
        return Decision(Verdict.NONE, reason, rulebook.revision, rule.id, rule.line, facts)
    properties, notes = _properties(rule.enroll, values)
    if has_invisible(event.email or ""):
        notes = [CLEANED, *notes]
    account = rulebook.accounts[rule.enroll.request.account].name
    request = rule.enroll.request.for_person(account, email, properties)
    if notes:
        facts = (*facts[:-1], replace(facts[-1], because="; ".join([facts[-1].because, *notes])))
    return Decision(rule.enroll.request.plan.action, MATCHED, rulebook.revision, rule.id, rule.line, facts, request)


def _properties(action: EnrollAction, values: Facts) -> tuple[dict[str, PropertyValue], list[str]]:
    """Return what is written to the contact, and a sentence for each value that no property can hold."""
    written: dict[str, PropertyValue] = {}
    unwritten: list[str] = []
    for name, expression in action.properties.items():
        value = property_value(expression.evaluate(values))
        if isinstance(value, Failed):
            unwritten.append(f"{name} was not written: {value.because}")
        elif value:
            written[name] = value
    return written, unwritten


def property_value(value: Any) -> PropertyValue | Failed:
    """Return a value as a text or a list of texts; empty where there is none, and then nothing is overwritten."""
    if isinstance(value, list | tuple):
        items = [_text(item) for item in value]
        failed = next((item for item in items if isinstance(item, Failed)), None)
        return failed or [item for item in items if isinstance(item, str) and item]
    return _text(value)


def _text(value: Any) -> str | Failed:
    """Return a single value as text."""
    if value is None or isinstance(value, str):
        return (value or "").strip().replace("\x00", "")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, int):
        return str(value)
    return value if isinstance(value, Failed) else Failed(f"a contact property holds no {_kind(value)}")


def _kind(value: Any) -> str:
    return NAMES.get(type(value), type(value).__name__)


def _number(value: float) -> str | Failed:
    """Return a number in digits: HubSpot is not known to read exponents."""
    if not math.isfinite(value):
        return Failed("the number is not finite")
    return str(int(value)) if value.is_integer() else format(Decimal(repr(value)), "f")


def _no_match(facts: list[RuleFact], rulebook: Rulebook, values: Facts, stopped: Rule | None) -> Decision:
    # The reason is logged: the values that the conditions looked at stand with the facts alone.
    reasons = [f"{fact.rule}: {fact.because}" for fact in facts[:5]]
    if stopped:
        reasons.append(f"{stopped.id} stops at an error: no rule after it was looked at")
    reason = "; ".join(reasons)
    reason = _lacking(reason, values.event) if reason else "no rule listens to it"
    rules = rulebook.listeners.get((values.event.source, values.event.type), ())
    explained = [_explained(fact, rule, values) for fact, rule in zip(facts, rules, strict=False)]
    return Decision(Verdict.NONE, reason, rulebook.revision, facts=tuple(explained))


def _lacking(reason: str, event: Event) -> str:
    """Return the reason with what the provider says of an address that is missing."""
    return f"{reason}: {event.lacking}" if event.lacking else reason


def _explained(fact: RuleFact, rule: Rule, values: Facts) -> RuleFact:
    return replace(fact, detail=why_not(rule.when, values)) if rule.when is not None else fact
