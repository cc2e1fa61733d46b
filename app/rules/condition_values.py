"""What each rule that listens to an event read of it, then and now. Pure; nothing is stored for it.

The fields that a condition names are looked up in the stored event. What is returned holds personal data.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from app.model import Verdict
from app.rules.actions import ACTIONS
from app.rules.answers import answer_to
from app.rules.conditions import fields_of
from app.rules.examples import target_of
from app.rules.explain import holds, shown
from app.rules.facts import Facts
from app.rules.match import decide

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from app.model import Decision, Event
    from app.rules.conditions import Field
    from app.rules.rulebook import Rule, Rulebook

OF_THE_PAYLOAD = frozenset({"data", "answers"})  # what passes with the retention


class Presence(StrEnum):
    """Whether an event has what a condition reads."""

    THERE = "there"
    ABSENT = "absent"
    FORGOTTEN = "forgotten"  # the payload has passed the retention


class Result(StrEnum):
    """What came of one rule's look at an event."""

    MATCHED = "matched"
    NO_MATCH = "no match"
    ERROR = "error"
    NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True)
class ReadValue:
    """What a condition read: `path` as it writes it, `steps` from the event on, and `value` as people read it."""

    path: str
    steps: tuple[str | int, ...]
    presence: Presence
    value: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """One rule's look at an event. `condition` is as the file has it, None where the rule has none.

    `has_variables` says that the condition holds values that are not shown.
    """

    rule: str
    line: int
    description: str | None
    condition: str | None
    result: Result
    because: str
    values: tuple[ReadValue, ...]
    has_variables: bool = False


def looks_now(event: Event, book: Rulebook, *, readable: bool = True) -> tuple[Look, ...]:
    """Return how the rules of a book look at the event. `readable`: its payload is still stored."""
    facts = max((decision.facts for decision in decide(event, book)), key=len)
    said = [(fact.rule, Result.MATCHED if fact.matched else _missed(error=fact.error), fact.because) for fact in facts]
    return _looks(said, event, book, readable=readable)


def looks_then(
    stored: Sequence[Mapping[str, Any]], event: Event, book: Rulebook, *, readable: bool = True
) -> tuple[Look, ...]:
    """Return how the rules looked at the event then: `stored` are the decision's facts, `book` that revision."""
    said = [
        (
            str(fact.get("rule")),
            Result.MATCHED if fact.get("matched") else _missed(error=bool(fact.get("error"))),
            str(fact.get("because", "")),
        )
        for fact in stored
    ]
    return _looks(said, event, book, readable=readable)


def _missed(*, error: bool) -> Result:
    return Result.ERROR if error else Result.NO_MATCH


def _looks(
    said: Sequence[tuple[str, Result, str]], event: Event, book: Rulebook, *, readable: bool
) -> tuple[Look, ...]:
    """Return a look for each rule that listens; those of which nothing is said were not asked."""
    known = {rule: (result, because) for rule, result, because in said}
    rules = book.listeners.get((event.source, event.type), ())
    return tuple(_look(rule, known.get(rule.id), event, readable=readable) for rule in rules)


def _look(rule: Rule, said: tuple[Result, str] | None, event: Event, *, readable: bool) -> Look:
    result, because = said or (Result.NOT_ASKED, "a rule above it had decided")
    return Look(
        rule=rule.id,
        line=rule.line,
        description=rule.description,
        condition=rule.when.text if rule.when else None,
        result=result,
        because=because,
        values=values_read([rule.when.text] if rule.when else [], event, readable=readable),
        has_variables=rule.when is not None and rule.when.text != rule.when.code,
    )


def values_read(expressions: Iterable[str], event: Event, *, readable: bool = True) -> tuple[ReadValue, ...]:
    """Return what expressions read of an event, each field once."""
    fields = dict.fromkeys(field for text in expressions for field in fields_of(text) if "${" not in field.text)
    facts = Facts(event)
    return tuple(_read(field, facts, readable=readable) for field in fields)


def rule_expressions(rule: Rule) -> list[str]:
    """Return all that a rule evaluates: its condition, and the values that it writes to the contact."""
    written = rule.enroll.properties.values() if rule.enroll else ()
    return [expression.text for expression in (rule.when, *written) if expression is not None]


def _read(field: Field, facts: Facts, *, readable: bool) -> ReadValue:
    if not readable and field.steps[0] in OF_THE_PAYLOAD:
        return ReadValue(field.text, field.steps, Presence.FORGOTTEN)
    is_there, value = found_at(field, facts)
    if not is_there or value is None:
        return ReadValue(field.text, field.steps, Presence.ABSENT, "null" if is_there else "")
    return ReadValue(field.text, field.steps, Presence.THERE, shown(value))


def found_at(field: Field, facts: Facts) -> tuple[bool, Any]:
    """Return whether the event has a field, and its value."""
    if field.any_case and (answer := answer_to(facts.event, str(field.steps[-1]))) is not None:
        return True, answer
    value: Any = facts.value(str(field.steps[0]))
    for step in field.steps[1:]:
        if not holds(value, step):
            return False, None
        value = value[step]
    return True, value


@dataclass(frozen=True, slots=True)
class CameTo:
    """What an event came to by one rule: the verdict, the rule, and the target of its action."""

    verdict: str
    rule: str | None
    target: str = ""


def came_to(decisions: Iterable[Decision]) -> tuple[CameTo, ...]:
    """Return what decisions come to."""
    return tuple(CameTo(one.verdict, one.rule, target_of(one)) for one in decisions)


def is_same(then: Sequence[CameTo], now: Sequence[CameTo]) -> bool:
    """Tell whether both come to the same. What only the store finds (a taken intent) counts as its rule's action."""
    return len(then) == len(now) and all(_alike(one, other) for one, other in zip(then, now, strict=True))


def _alike(then: CameTo, now: CameTo) -> bool:
    if then.verdict in {Verdict.DUPLICATE, Verdict.FORGOTTEN}:
        return then.rule == now.rule and now.verdict in ACTIONS
    return (then.verdict, then.rule) == (now.verdict, now.rule) and (not then.target or then.target == now.target)
