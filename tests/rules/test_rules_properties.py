"""Loading ends in a rulebook or in its mistakes, and deciding in a decision: whatever comes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import RulebookError
from app.model import Account, Event, Verdict
from app.rules.file.documents import Document
from app.rules.load import load
from app.rules.match import decide
from app.rules.rulebook import indexed
from app.sources import PROVIDERS
from tests.support.rulebooks import book

if TYPE_CHECKING:
    from app.rules.rulebook import Rulebook

CONDITIONS = (
    None,
    "true",
    "false",
    "event.data.x > 5",
    'event.data.x == "five"',
    "event.data.a.b.c == 1",
    "size(event.data.list) > 2",
    "event.data.list.exists(item, item > 3)",
    "is_free_mail(event.email)",
    'domain(event.email) == "corp.example"',
    'event.first_name.startsWith("A")',
    "event.data",
    "event.data.x / event.data.y > 1",
    'event.occurred_at > timestamp("2026-01-01T00:00:00Z")',
    'has(event.data.x) && event.data.x in ["a", 1]',
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    st.sampled_from(["five", "a", "ada@corp.example"]),
)
# No provider lets these through; matching must bear them all the same.
ODD_VALUES = (2**63, 2**64, 2**200, -(2**70), "\ud800", "a\x00b", Decimal(1), date(2026, 1, 1), {1: 2}, {None: 1})
ODD: st.SearchStrategy[Any] = st.one_of(
    st.floats(),
    st.sampled_from(ODD_VALUES),
    st.binary(),
    st.tuples(st.integers()),
    st.datetimes(),
)
DATA: st.SearchStrategy[Any] = st.recursive(
    SCALARS | ODD,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(["x", "y", "a", "b", "c", "list"])
WORDS = st.sampled_from(
    ["version", "rules", "id", "source", "type", "when", "enroll", "sequence", "sender", "sources", "senders", "form",
     "provider", "typeform", "secrets", "accounts", "main", "token", "examples", "event", "expect", "none", "dedupe",
     "for", "30d", "contact", "set", "require", "ignore", "continue", "on_error", "event.email", "${UNSET}", "1"]
)  # fmt: skip
YAML: st.SearchStrategy[Any] = st.recursive(
    st.one_of(WORDS, st.just(1), SCALARS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=30,
)


@cache
def pool() -> Rulebook:
    """One rule of every condition; which of them listen, in which order, and how they go on is drawn per test."""
    lines = []
    for number, condition in enumerate(CONDITIONS):
        when = "" if condition is None else f"\n    when: >-\n      {condition}"
        action = "ignore: true" if number % 5 == 0 else 'enroll: {sequence: "1", sender: anna}'
        lines.append(f"  - id: r{number}\n    source: crm\n    type: a{when}\n    {action}\n")
    return book("".join(lines))


@st.composite
def rulebooks(draw: st.DrawFn) -> Rulebook:
    """Return some rules of the pool, in any order."""
    chosen = draw(st.permutations(pool().rules))[: draw(st.integers(0, len(CONDITIONS)))]
    kinds = st.sampled_from([("a",), ("b",), ("a", "b"), ("b", "a", "b")])
    # Half of them look on, or few rules would ever be looked at behind those that always match.
    rules = tuple(
        replace(rule, types=draw(kinds), goes_on=draw(st.booleans()), stops_on_error=draw(st.booleans()))
        for rule in chosen
    )
    return replace(pool(), rules=rules, listeners=indexed(rules))


@given(text=st.text())
def test_any_text_is_a_rulebook_or_its_mistakes(text: str) -> None:
    loaded(text)


@given(value=st.dictionaries(WORDS, YAML, max_size=6))
@settings(max_examples=300)
def test_any_structure_is_a_rulebook_or_its_mistakes(value: dict[str, Any]) -> None:
    loaded(yaml.safe_dump(value))


@given(value=YAML)
def test_any_rule_is_a_rulebook_or_its_mistakes(value: Any) -> None:
    loaded(yaml.safe_dump({"version": 1, "rules": [value]}))


def loaded(text: str) -> None:
    try:
        load((Document("r.yaml", text),), environment={}, providers=PROVIDERS, default_account=Account("main", "x"))
    except RulebookError as error:
        found = error.mistakes
    else:
        return
    assert found
    assert all(m.line >= 1 and m.column >= 1 and m.file == "r.yaml" for m in found)


@given(
    rulebook=rulebooks(),
    source=st.sampled_from(["crm", "crm", "crm", "web"]),
    kind=st.sampled_from(["a", "b", "c", ""]),
    email=st.none() | st.text() | st.sampled_from(["ada@corp.example", "cy@gmail.com"]),
    first_name=st.none() | st.text(),
    data=st.dictionaries(NAMES, DATA, max_size=6),
)
@settings(max_examples=400)
def test_deciding_is_total_and_the_index_changes_nothing(
    rulebook: Rulebook, source: str, kind: str, email: str | None, first_name: str | None, data: dict[str, Any]
) -> None:
    subject = Event(source, kind, ("1",), email=email, first_name=first_name, data=data)
    decisions = decide(subject, rulebook)
    assert decisions
    assert all(decision.reason and decision.revision == rulebook.revision for decision in decisions)
    assert all((decision.enroll is not None) == (decision.verdict == Verdict.ENROLL) for decision in decisions)
    assert [d.rule for d in decisions if d.rule] == list(one_after_the_other(subject, rulebook))


def one_after_the_other(subject: Event, rulebook: Rulebook) -> list[str]:
    """Ask every rule there is by itself, in their order."""
    matched = []
    for rule in rulebook.rules:
        if subject.source != rule.source or subject.type not in rule.types:
            continue
        alone = replace(rulebook, rules=(rule,), listeners={(rule.source, subject.type): (rule,)})
        (fact,) = decide(subject, alone)[0].facts
        if fact.matched:
            matched.append(rule.id)
        if (fact.matched and not rule.goes_on) or (fact.error and rule.stops_on_error):
            break
    return matched


@pytest.mark.parametrize("condition", [condition for condition in CONDITIONS if condition])
@pytest.mark.parametrize("value", [*ODD_VALUES, float("nan"), float("-inf"), b"\xff", (1,), {1}, 1j], ids=repr)
def test_a_value_that_no_json_holds_still_ends_in_a_decision(condition: str, value: Any) -> None:
    (rule,) = (rule for rule in pool().rules if rule.when is not None and rule.when.text == condition)
    alone = replace(pool(), rules=(rule,), listeners=indexed((rule,)))
    data = {"x": value, "y": value, "list": [value], "a": {"b": {"c": value}}}
    (decision,) = decide(Event("crm", "a", ("1",), email="ada@corp.example", first_name="A", data=data), alone)
    assert decision.facts[0].because
    assert not (decision.facts[0].matched and decision.facts[0].error)


def test_a_text_that_the_engine_cannot_take_is_an_error_of_the_rule() -> None:
    (rule,) = (rule for rule in pool().rules if rule.when is not None and rule.when.text == "event.data.x > 5")
    (decision,) = decide(Event("crm", "a", ("1",), data={"x": "\ud800"}), replace(pool(), listeners=indexed((rule,))))
    assert decision.facts[0].error
    assert decision.facts[0].because.startswith("its condition could not be evaluated: ")
