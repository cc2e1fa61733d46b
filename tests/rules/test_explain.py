"""A condition that did not hold is explained by the values it looked at, the part that was false, and near misses."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.model import Event
from app.people.domain_lists import DomainLists
from app.rules.conditions import fields_of, split
from app.rules.explain import LONGEST_DETAIL, why_not
from app.rules.expressions import compiled
from app.rules.facts import Facts
from app.rules.match import decide
from tests.rules.test_rules_properties import DATA as ANY_DATA
from tests.support.rulebooks import book, event

ONE = '  - {id: one, source: crm, type: a, when: "true", enroll: {sequence: "1", sender: anna}}\n'
DATA: dict[str, Any] = {
    "company_size": 12,
    "country": "de",
    "plan": None,
    "tags": ["a", "b"],
    "list": [{"n": 1}],
    "owner": {"name": "Ada", "email": "ada@corp.example"},
    "odd key": "x",
}
ANSWERS = {"Company size": "1-10", "Interests": ["Sales"]}


def detail(condition: str, **fields: Any) -> str:
    given: dict[str, Any] = {"email": "ada@corp.example", "data": DATA, "answers": ANSWERS}
    return why_not(compiled(condition), Facts(Event("crm", "a", ("1",), **given | fields)))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("event.data.company_size >= 50", "event.data.company_size is 12"),
        ("event.first_name != null", "event.first_name is null"),
        ('event.data.owner.name == "Bob"', 'event.data.owner.name is "Ada"'),
        ('event.data["odd key"] == "y"', 'event.data["odd key"] is "x"'),
        ("event.data.list[0].n > 1", "event.data.list[0].n is 1"),
        ("event.data.tags.size() > 2", 'event.data.tags is ["a", "b"]'),
        ('event.data.owner == "x"', "event.data.owner is an object of 2 fields"),
        ('event.answers["Company size"] == "50+"', 'event.answers["Company size"] is "1-10"'),
        ('has_answer("company SIZE", "50+")', 'event.answers["company SIZE"] is "1-10"'),
        ('has_answer("Interests", "Support")', 'event.answers["Interests"] is ["Sales"]'),
        ("event.exit", "event.exit is false"),
    ],
)
def test_the_values_that_the_condition_looked_at_are_shown(condition: str, expected: str) -> None:
    assert detail(condition) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (
            "event.data.company_size >= 50 && !event.exit",
            "event.data.company_size >= 50 is false: event.data.company_size is 12",
        ),
        (
            '!event.exit && (event.data.country == "at" || event.data.country == "ch")',
            (
                'event.data.country == "at" is false: event.data.country is "de"; '
                'event.data.country == "ch" is false: event.data.country is "de"'
            ),
        ),
        (
            'event.data.plan.startsWith("p") && !event.exit',
            (
                'event.data.plan.startsWith("p") has no value: '
                "No matching overloads found : (null_type).startsWith(string), event.data.plan is null"
            ),
        ),
        ("event.data.country && !event.exit", 'event.data.country is no true or false: event.data.country is "de"'),
        ("false && event.exit", "false is false; event.exit is false: event.exit is false"),
    ],
)
def test_the_part_that_was_false_is_named(condition: str, expected: str) -> None:
    assert detail(condition) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (
            "event.data.employees > 50",
            "event.data has no `employees`; it has: company_size, country, plan, tags, list, owner (1 more)",
        ),
        (
            "event.data.Countri == 5",
            "event.data has no `Countri`; it has: country, company_size, plan, tags, list, owner (1 more)",
        ),
        (
            'event.answers["Size of company"] == ""',
            "event.answers has no `Size of company`; it has: Company size, Interests",
        ),
        ('has_answer("Compny size")', "event.answers has no `Compny size`; it has: Company size, Interests"),
        ("event.data.plan.name == 5", "event.data.plan is null, which has no `name`"),
        ("event.data.tags[7] == 5", 'event.data.tags is ["a", "b"], which has no `7`'),
        (
            "has(event.data.employees)",
            "event.data has no `employees`; it has: company_size, country, plan, tags, list, owner (1 more)",
        ),
    ],
)
def test_a_field_that_is_not_there_is_named_with_those_that_are(condition: str, expected: str) -> None:
    assert detail(condition) == expected


def test_the_parts_are_judged_by_the_lists_of_the_rules() -> None:
    lists = DomainLists(free_mail=frozenset({"corp.example"}))
    condition = compiled("!event.exit && !is_free_mail(event.email)", lists)
    event_of_corp = Event("crm", "a", ("1",), email="Ada\u200b@corp.example")
    because = '!is_free_mail(event.email) is false: event.email is "Ada@corp.example"'
    assert why_not(condition, Facts(event_of_corp, lists)) == because


def test_an_event_without_data_is_said_to_be_empty() -> None:
    assert detail("event.data.x == 1", data={}) == "event.data has no `x`; it is empty"


def test_a_decision_has_the_detail_and_its_reason_and_the_log_have_no_value() -> None:
    rules = ONE.replace("true", "event.email == event.data.owner")
    (decision,) = decide(event(data={"owner": "bob@corp.example"}), book(rules))
    assert decision.reason == "one: its condition is false: event.email == event.data.owner"
    assert decision.facts[0].detail == 'event.email is "Ada@Corp.example"; event.data.owner is "bob@corp.example"'
    assert "bob" not in repr(decision)


def test_an_address_that_was_looked_for_as_a_key_is_not_in_the_reason() -> None:
    rules = ONE.replace("true", "event.data[event.email] == 1")
    (decision,) = decide(event(), book(rules))
    assert "Key not found" in decision.reason
    assert "orp.example" not in decision.reason


def test_a_condition_with_a_variable_in_it_is_not_quoted_as_it_was_compiled() -> None:
    rules = ONE.replace("true", "event.data.token == '${TOKEN}' && event.exit")
    (decision,) = decide(event(data={"token": "b"}), book(rules, TOKEN="s3cret"))
    assert decision.facts[0].detail == 'event.data.token is "b"; event.exit is false'
    assert "s3cret" not in repr(decision) + decision.facts[0].detail


def test_a_matching_rule_after_others_has_no_detail() -> None:
    rules = ONE.replace("true", "event.exit") + ONE.replace("one", "two")
    (decision,) = decide(event(), book(rules))
    assert [fact.detail for fact in decision.facts] == ["", ""]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a && b || c", ["a && b", "c"]),
        ("(a || b) && c", ["a || b", "c"]),
        ("((a)) ", ["a"]),
        ("(a) == (b)", ["(a) == (b)"]),
        ("a ? b || c : d", ["a ? b || c : d"]),
        ("a[?'b && c'] && d", ["a[?'b && c']", "d"]),
        ('x == "a && b" && y', ['x == "a && b"', "y"]),
        (r'x == "\" && " && y', [r'x == "\" && "', "y"]),
        (r'x == r"\" && y', [r'x == r"\"', "y"]),
        ('x == """ " && """ && y', ['x == """ " && """', "y"]),
        ("a // && b\n && c", ["a // && b", "c"]),
        ("[a && b].all(x, x && y) && c", ["[a && b].all(x, x && y)", "c"]),
        ("!(a && b)", ["!(a && b)"]),
    ],
)
def test_a_condition_is_split_at_its_outermost_signs(text: str, parts: list[str]) -> None:
    assert split(text) == parts


def test_fields_end_before_a_call_and_begin_with_the_event() -> None:
    text = (
        'event.data.a.b.startsWith("event.x") && x.event.data.c && event.?data[?"d"].size() > event.data[event.data.e]'
    )
    assert [field.text for field in fields_of(text)] == [
        "event.data.a.b",
        'event.data["d"]',
        "event.data",
        "event.data.e",
    ]


LEAVES = st.sampled_from(
    ["true", "false", "event.exit", "event.data.n > 1", 'event.data.s == "a && (b"', "event.data.missing == 1",
     "has(event.data.n)", "event.data.list.exists(x, x == 1 || x == 2)", "(event.exit ? true : event.data.n == 1)",
     r'"\"||" == event.data.s', "event.data.n", "1 / 0 > 1", 'has_answer("Size")']
)  # fmt: skip


def combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, st.sampled_from([" && ", "||", " ||\n  "]), inner).map("".join),
        inner.map(lambda one: f"( {one} )"),
        inner.map(lambda one: f"!({one})"),
    )


@settings(deadline=None, max_examples=150)
@given(
    st.recursive(LEAVES, combined, max_leaves=12),
    st.dictionaries(st.sampled_from(["n", "s", "list", "employees"]), ANY_DATA, max_size=4),
)
def test_any_condition_is_explained_within_its_length(condition: str, data: dict[str, Any]) -> None:
    expression = compiled(condition)
    assert all(compiled(part) for part in split(condition))
    explained = why_not(expression, Facts(Event("crm", "a", ("1",), data=data)))
    assert len(explained) <= LONGEST_DETAIL


@given(st.text(alphabet="event.data[]()'\"\\&|?r` \n/1x", max_size=40))
def test_any_text_is_split_and_read_without_an_error(text: str) -> None:
    fields_of(text)
    assert "".join(split(text)) is not None


@settings(deadline=None)
@given(ANY_DATA)
def test_any_value_is_shown_in_a_bounded_length(value: Any) -> None:
    assert len(detail("event.data.x == 1 && event.data.x.y == 1", data={"x": value})) <= LONGEST_DETAIL
