"""An example made of a stored event: what the rules read of it, without the person; it passes, or there is none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from app.people.domain_lists import AS_PACKAGED
from app.rules.condition_values import CameTo
from app.rules.example_of import GONE, NO_RULE, NOT_THE_SAME, example_of
from app.rules.examples import run_examples
from app.rules.impersonal import DOMAIN, Replacer
from app.rules.pruned import pruned
from tests.support.rulebooks import HEAD, book, event, loaded

RULE = """  - id: one
    source: crm
    type: [a, b]
    when: '%s'
    enroll: {sequence: "310001", sender: anna}
"""
WHO = {"email": "Grace.Hopper@brightmill.io", "first_name": "Grace", "last_name": "Hopper", "company": "Brightmill"}
SIZE = "event.data.employees >= 50 && !is_free_mail(event.email)"


def example(condition: str, kind: str = "a", **fields: Any) -> dict[str, Any]:
    """Return the example of an event under one rule; it must pass as it would stand in the file."""
    found = example_of(event(kind, **{**WHO, **fields}), book(RULE % condition))
    assert found.text, found.why_not
    lines = "".join(f"      {line}\n" for line in found.text.splitlines())
    (outcome,) = run_examples(loaded(HEAD + RULE % condition + "    examples:\n" + lines))
    assert outcome.difference == ""
    (entry,) = yaml.safe_load(found.text)
    assert "hopper" not in found.text.lower()
    return dict(entry)


def test_only_what_a_rule_read_is_kept_and_the_person_is_replaced() -> None:
    data = {"employees": 80, "message": "Call Grace Hopper", "field": {"ref": "x"}}
    entry = example(SIZE, data=data, received_at=datetime(2026, 11, 24, tzinfo=UTC))
    assert entry == {
        "name": "a, from an event of 24 November 2026",
        "event": {"email": "ada@corp.example", "data": {"employees": 80}},
        "expect": {"enroll": "310001"},
    }


def test_another_type_than_the_rules_first_is_named() -> None:
    assert example(SIZE, "b", data={"employees": 80})["event"]["type"] == "b"


@pytest.mark.parametrize(
    ("condition", "fields", "kept"),
    [
        ('event.data.plan == "pro"', {"data": {"plan": "pro"}}, {"data": {"plan": "pro"}}),
        ('event.data.title.contains("VP")', {"data": {"title": "VP of Sales, Hopper"}}, {"data": {"title": "VP"}}),
        ("event.data.text.size() > 9", {"data": {"text": "I am Hopper"}}, {"data": {"text": "example tex"}}),
        ("event.data.list[1].n > 2", {"data": {"list": [1, {"n": 3, "m": 4}]}}, {"data": {"list": [None, {"n": 3}]}}),
        ('has_answer("size", "50+")', {"answers": {"Size": "50+", "Who": "Hopper"}}, {"answers": {"size": "50+"}}),
        ('event.answers["Size"] == "50+"', {"answers": {"Size": "50+"}}, {"answers": {"Size": "50+"}}),
        ("size(event.answers) == 1", {"answers": {"Who": "Hopper"}}, {"answers": {"Who": "exampl"}}),
        ('event.company == "Brightmill"', {}, {"company": "Brightmill"}),
        ("event.company != null", {}, {"company": "Corp"}),
        ("event.exit", {"exit": True}, {"exit": True}),
        ("event.data.size() == 1", {"data": {"x": "https://x.io/hopper"}}, {"data": {"x": "https://corp.example/"}}),
        ('event.data.url.startsWith("https")', {"data": {"url": "https://x.io/hopper"}}, {"data": {"url": "https"}}),
        ("event.data.when != null", {"data": {"when": "2026-11-24"}}, {"data": {"when": "2026-11-24"}}),
        ("event.data.phone != null", {"data": {"phone": "+49 170 1234567"}}, {"data": {"phone": "+1 202 555 0100"}}),
        ("event.data.to.size() > 0", {"data": {"to": "hopper@x.io"}}, {"data": {"to": "ada@corp.example"}}),
    ],
)  # fmt: skip
def test_what_is_kept_is_of_the_same_kind(condition: str, fields: dict[str, Any], kept: dict[str, Any]) -> None:
    entry = example(condition, **fields)["event"]
    assert {name: value for name, value in entry.items() if name != "email"} == kept


@pytest.mark.parametrize(
    ("condition", "email", "replaced"),
    [
        ("is_free_mail(event.email)", "hopper@gmail.com", "ada@gmail.com"),
        ("is_disposable(event.email)", "hopper@mailinator.com", "ada@mailinator.com"),
        ("is_role(event.email)", "info+hopper@brightmill.io", f"info@{DOMAIN}"),
        ('event.email.endsWith(".io")', "hopper@brightmill.io", "ada@corp.io"),
        ('event.email.endsWith("@brightmill.io")', "hopper@brightmill.io", "ada@brightmill.io"),
        ('domain(event.email) == "brightmill.io"', "hopper@brightmill.io", "ada@brightmill.io"),
    ],
)
def test_an_address_stays_of_its_kind(condition: str, email: str, replaced: str) -> None:
    assert example(condition, email=email)["event"]["email"] == replaced


def test_times_that_a_rule_reads_are_kept() -> None:
    at = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
    entry = example('now() - event.occurred_at < duration("1h")', occurred_at=at, received_at=at)["event"]
    assert entry["occurred_at"] == entry["received_at"] == "2026-11-24T09:00:00+00:00"


def test_an_event_that_no_rule_matched_expects_none() -> None:
    assert example("event.data.employees >= 50", data={"employees": 3})["expect"] == "none"


def test_an_ignored_one_expects_to_be_ignored() -> None:
    rules = "  - {id: one, source: crm, type: a, ignore: true}\n"
    assert "expect: ignore" in example_of(event(), book(rules)).text


def test_there_is_none_where_the_rules_come_to_something_else_without_the_person() -> None:
    found = example_of(event(**WHO), book(RULE % "event.first_name.size() == 5"))
    assert found.text == ""
    assert found.why_not.startswith(NOT_THE_SAME)


def test_there_is_none_where_it_came_to_something_else_then() -> None:
    found = example_of(event(data={"employees": 80}), book(RULE % SIZE), expect=[CameTo("enroll", "one", "9")])
    assert found.why_not == f"{NOT_THE_SAME}: expected enroll 9, got enroll 310001 by rule one"


def test_there_is_none_without_a_rule_or_without_the_payload() -> None:
    assert example_of(event("unknown"), book(RULE % SIZE)).why_not == NO_RULE
    assert example_of(event(), book(RULE % SIZE), readable=False).why_not == GONE


SCALARS = st.text(max_size=20) | st.integers(-100, 100) | st.booleans() | st.none()
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner))
CONDITIONS = [
    SIZE, "size(event.data) > 1", 'event.data.a.b == "x"', "event.data.list.exists(x, x == 1)", "event.name != null",
    'event.answers["q"] == "Yes"', 'event.data.plan in ["pro", "team"]', "event.data[0] == 1",
]  # fmt: skip


@given(
    st.sampled_from(CONDITIONS),
    st.dictionaries(st.sampled_from(["employees", "a", "list", "plan", "x"]), JSON),
    st.dictionaries(st.text(max_size=3), st.text(max_size=20)),
)
def test_of_any_event_there_is_an_example_that_passes_or_a_reason(
    condition: str, data: dict[str, Any], answers: dict[str, Any]
) -> None:
    found = example_of(event(email="secret.person@brightmill.io", data=data, answers=answers), BOOKS[condition])
    assert bool(found.text) is not bool(found.why_not)
    assert "secret.person" not in found.text


BOOKS = {condition: book(RULE % condition) for condition in CONDITIONS}


@given(st.text(max_size=80), st.lists(st.text(min_size=1, max_size=5), max_size=3))
def test_a_replaced_text_holds_only_what_rules_compare_with(text: str, compared: list[str]) -> None:
    replaced = Replacer(tuple(compared), AS_PACKAGED).text(f"Zaphod {text}")
    assert "Zaphod" not in replaced or any("zaphod" in f"{one} ".casefold() for one in compared)


def test_a_list_keeps_its_places() -> None:
    value = {"a": [1, {"b": 2, "c": 3}, 4], "d": 5}
    assert pruned(value, [("a", 1, "b")], lambda one: one) == {"a": [None, {"b": 2}]}
    assert pruned(value, [("a", 1, "b"), ("a",)], lambda one: one) == {"a": value["a"]}
    assert pruned(value, [("x",)], lambda one: one) == {}
    assert pruned(value, [("a", 9)], lambda one: one) == {"a": []}
