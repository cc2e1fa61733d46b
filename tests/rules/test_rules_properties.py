"""Loading ends in a rulebook or in its mistakes, and deciding in a decision: whatever comes."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import RulebookError
from app.model import Account, Event, Verdict
from app.rules.documents import Document
from app.rules.load import load
from app.rules.match import decide
from app.sources import PROVIDERS
from tests.rules.rulebooks import book

if TYPE_CHECKING:
    from app.rules.book import Rulebook

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
DATA: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
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
    """Rules of every condition, twice over, that look on and that do not."""
    lines = []
    for number, condition in enumerate(CONDITIONS * 2):
        when = "" if condition is None else f"\n    when: >-\n      {condition}"
        keys = "continue: true" if number % 3 == 0 else "on_error: next"
        kind = "ab"[number % 2]
        action = "ignore: true" if number % 5 == 0 else 'enroll: {sequence: "1", sender: anna}'
        lines.append(f"  - id: r{number}\n    source: crm\n    type: {kind}{when}\n    {keys}\n    {action}\n")
    return book("".join(lines))


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
    kind=st.sampled_from(["a", "b", "c", ""]),
    email=st.none() | st.text() | st.sampled_from(["ada@corp.example", "cy@gmail.com"]),
    first_name=st.none() | st.text(),
    data=st.dictionaries(NAMES, DATA, max_size=6),
)
@settings(max_examples=400)
def test_deciding_is_total_and_the_index_changes_nothing(
    kind: str, email: str | None, first_name: str | None, data: dict[str, Any]
) -> None:
    subject = Event("crm", kind, ("1",), email=email, first_name=first_name, data=data)
    decisions = decide(subject, pool())
    assert decisions
    assert all(decision.reason and decision.revision == pool().revision for decision in decisions)
    assert all((decision.enroll is not None) == (decision.verdict is Verdict.ENROLL) for decision in decisions)
    assert [d.rule for d in decisions if d.rule] == list(one_after_the_other(subject))


def one_after_the_other(subject: Event) -> list[str]:
    """Ask every rule there is by itself, in their order."""
    matched = []
    for rule in pool().rules:
        if subject.source != rule.source or subject.type not in rule.types:
            continue
        alone = [fact.matched for d in decide(subject, _only(rule.id)) for fact in d.facts]
        if any(alone):
            matched.append(rule.id)
            if not rule.goes_on:
                break
    return matched


@cache
def _only(rule_id: str) -> Rulebook:
    whole = pool()
    (rule,) = (rule for rule in whole.rules if rule.id == rule_id)
    listeners = {(rule.source, kind): (rule,) for kind in rule.types}
    return replace(whole, rules=(rule,), listeners=listeners)
