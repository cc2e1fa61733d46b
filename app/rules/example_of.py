"""EXAMPLE: a stored event as an example for the rules file, without the person. Pure.

Only what the rules that listen to the event read of it is kept. The address, the names and every text that no rule
compares with are replaced by others of the same kind; numbers and truths stay as they came. The example is decided
before it is returned: where it does not come to what the event came to, it is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from app.model import Verdict
from app.rules.actions import ACTIONS
from app.rules.condition_values import came_to, found_at, rule_expressions
from app.rules.conditions import fields_of
from app.rules.examples import difference
from app.rules.facts import Facts
from app.rules.file.rule_entries import ExampleEntry
from app.rules.impersonal import Replacer
from app.rules.match import decide
from app.rules.pruned import pruned
from app.rules.tokens import tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from app.model import Event
    from app.rules.condition_values import CameTo
    from app.rules.conditions import Field
    from app.rules.rulebook import Rule, Rulebook

NO_RULE = "no rule in force listens to such events"
GONE = "its payload has passed the retention, and with it what the rules read"
NOT_THE_SAME = "without the person the rules come to something else"
MOST_CHARACTERS = 20_000
_NOW = re.compile(r"\bnow\(")


@dataclass(frozen=True, slots=True)
class Example:
    """An example below `examples:` of `rule`, as YAML; where there can be none, `text` is empty and `why_not` says why.

    `line` is where the rule begins.
    """

    rule: str = ""
    line: int = 0
    text: str = ""
    why_not: str = ""


def example_of(
    event: Event, book: Rulebook, *, expect: Sequence[CameTo] | None = None, readable: bool = True
) -> Example:
    """Return the example of an event. `expect` is what it came to; None: what the book comes to now."""
    listening = book.listeners.get((event.source, event.type), ())
    if not listening:
        return Example(why_not=NO_RULE)
    if not readable:
        return Example(why_not=GONE)
    wanted = _wanted(came_to(decide(event, book)) if expect is None else expect)
    rule = next((one for one in listening if one.id == wanted.rule), listening[0])
    entry = {"name": _name(event), "event": _event(event, rule, listening, book), "expect": _expected(wanted)}
    return _checked(entry, rule, book)


def _wanted(came: Sequence[CameTo]) -> CameTo:
    """Return which of several decisions the example states: the first that does something."""
    return next((one for one in came if one.verdict in ACTIONS), came[0])


def _expected(wanted: CameTo) -> Any:
    if wanted.verdict not in ACTIONS:
        return str(Verdict.NONE)
    return str(wanted.verdict) if ACTIONS[wanted.verdict].is_flag else {str(wanted.verdict): wanted.target}


def _checked(entry: dict[str, Any], rule: Rule, book: Rulebook) -> Example:
    """Return the example where the book decides it as expected."""
    try:
        differs = difference(ExampleEntry.model_validate(entry), rule, book)
    except ValidationError:
        return Example(rule.id, rule.line, why_not="the event holds what no example can hold")
    text = yaml.safe_dump([entry], sort_keys=False, allow_unicode=True, width=100)
    if differs:
        return Example(rule.id, rule.line, why_not=f"{NOT_THE_SAME}: {differs}")
    if len(text) > MOST_CHARACTERS:
        return Example(rule.id, rule.line, why_not=f"the rules read over {MOST_CHARACTERS:,} characters of it")
    return Example(rule.id, rule.line, text)


def _name(event: Event) -> str:
    when = event.received_at or event.occurred_at
    return f"{event.type}, from an event of {when.day} {when:%B %Y}" if when else f"{event.type}, from a stored event"


def _event(event: Event, rule: Rule, listening: Iterable[Rule], book: Rulebook) -> dict[str, Any]:
    """Return what the rules read of the event, without the person."""
    rules = list(listening)
    texts = [text for one in rules for text in rule_expressions(one)]
    fields = tuple(dict.fromkeys(field for text in texts for field in fields_of(text)))
    replacer = Replacer(tuple(_literals(texts)), book.lists)
    found: dict[str, Any] = {} if event.type == rule.types[0] else {"type": event.type}
    if event.email is not None:
        found["email"] = replacer.address(event.email)
    for name in dict.fromkeys(str(field.steps[0]) for field in fields):
        if (value := _field(name, event, fields, replacer)) not in (None, False, {}):
            found[name] = value
    if event.received_at is not None and any(_NOW.search(text) for text in texts):
        found["received_at"] = event.received_at.isoformat()
    return found


def _field(name: str, event: Event, fields: Sequence[Field], replacer: Replacer) -> Any:
    """Return one field of the event as the example has it; None for those that it need not have."""
    own = [field for field in fields if field.steps[0] == name]
    if name == "data":
        return pruned(dict(event.data), [field.steps[1:] for field in own], replacer.value)
    if name == "answers":
        return _answers(event, own, replacer)
    if name in {"first_name", "last_name", "name", "company"}:
        value = getattr(event, name)
        return None if value is None else replacer.named(name, value)
    if name == "occurred_at":
        return event.occurred_at and event.occurred_at.isoformat()
    if name == "exit":
        return event.exit
    return replacer.text(event.id) if name == "id" and event.id else None


def _answers(event: Event, fields: Sequence[Field], replacer: Replacer) -> dict[str, Any]:
    """Return the answers to the questions that the rules name; all of them where a rule reads them as a whole."""
    if any(len(field.steps) == 1 for field in fields):
        return {name: replacer.value(answer) for name, answer in event.answers.items()}
    facts = Facts(event)
    asked = {str(field.steps[1]): found_at(field, facts) for field in fields}
    return {name: replacer.value(answer) for name, (is_there, answer) in asked.items() if is_there}


def _literals(texts: Iterable[str]) -> list[str]:
    """Return the texts that stand in expressions, without quotes."""
    written = [token.text for text in texts for token in tokens(text) if token.kind == "text"]
    return list(dict.fromkeys(one.strip("bBrR").strip("\"'") for one in written))
