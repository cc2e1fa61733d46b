"""The functions of expressions: what they return, that they end within their limit, and that no one raises."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.model import Event
from app.rules.evaluation import MOST_CHARACTERS, MOST_IN_NESTED_MACROS
from app.rules.expressions import MOST_REPEATED, ExpressionError, Failed, compiled
from app.rules.facts import Facts
from app.rules.functions import FUNCTIONS

ARRIVED = datetime(2026, 11, 28, 11, 0, 2, tzinfo=UTC)
SURVEY = {"Company size": "50+", "Interests": ["Sales", "Customer support"], "notes": ""}
DATA = {
    "tags": ["Big-Deal", "eu"],
    "n": 3,
    "items": [{"price": 2, "tax": 1}, {"price": 4.5, "tax": 0}],
    "text": "aXbXc",
}


def facts(**fields: Any) -> Facts:
    given: dict[str, Any] = {"name": "Ludwig van Beethoven", "data": DATA, "answers": SURVEY, "received_at": ARRIVED}
    return Facts(Event("crm", "a", ("1",), **given | fields))


def value(text: str, **fields: Any) -> Any:
    return compiled(text).evaluate(facts(**fields))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now()", ARRIVED),
        ('now() - duration("24h") < timestamp("2026-11-28T00:00:00Z")', True),
        ("first_name(event.name)", "Ludwig"),
        ("last_name(event.name)", "van Beethoven"),
        ('first_name("Acme GmbH")', ""),
        ("upper(event.data.text)", "AXBXC"),
        ("lower(event.data.text)", "axbxc"),
        ('event.data.text.split("X")', ["a", "b", "c"]),
        ('split(event.data.text, "X")', ["a", "b", "c"]),
        ('event.data.text.split("X", 2)', ["a", "bXc"]),
        ('event.data.text.split("X", 0)', []),
        ('"abc".split("")', ["a", "b", "c"]),
        ('"abc".split("", 2)', ["a", "bc"]),
        ('event.data.tags.join(", ")', "Big-Deal, eu"),
        ("event.data.tags.join()", "Big-Dealeu"),
        ('[].join(",")', ""),
        ('event.data.text.replace("X", "--")', "a--b--c"),
        ('event.data.text.replace("X", "", 1)', "abXc"),
        ('event.data.text.replace("X", "", 0)', "aXbXc"),
        ('"ab".replace("", "-")', "-a-b-"),
        ('" a\\t".trim()', "a"),
        ('"tacocat".substring(4)', "cat"),
        ('"tacocat".substring(0, 4)', "taco"),
        ('"hello".charAt(4)', "o"),
        ('"hello".charAt(5)', ""),
        ('"hello mellow".indexOf("ello", 2)', 7),
        ('"hello mellow".indexOf("jello")', -1),
        ('"hello mellow".lastIndexOf("ello")', 7),
        ('"hello mellow".lastIndexOf("ello", 6)', 1),
        ('"gums".reverse()', "smug"),
        ('"Straße".upperAscii()', "STRAßE"),
        ('"ÄA".lowerAscii()', "Äa"),
        ("event.data.items.map(i, i.price).sum()", 6.5),
        ("sum([1, 2])", 3),
        ("[].sum()", 0),
        ("event.data.items.exists(i, [i.price, i.tax].sum() == 3)", True),
        ('event.data.tags.map(t, lower(t).replace("-", " ")).join("; ")', "big deal; eu"),
        ("math.greatest(event.data.n, 5)", 5),
        ('event.data.?missing.orValue("none")', "none"),
        ('event.answers[?"Budget"].hasValue()', False),
        ('has_answer("Company size")', True),
        ('has_answer("notes")', False),
        ('has_answer("Budget")', False),
        ('has_answer("Company size", "50+")', True),
        ('has_answer("Company size", "1-10")', False),
        ('has_answer("Interests", "Sales")', True),
        ('has_answer(" interests", "customer SUPPORT ")', True),
        ('has_answer("Interests", "Sale")', False),
    ],
)
def test_a_function_returns(text: str, expected: Any) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ('"abc".substring(2, 1)', "substring(2, 1) of a text of 3 characters"),
        ('"abc".charAt(4)', "charAt(4) of a text of 3 characters"),
        ('"abc".indexOf("a", 9)', "indexOf from 9"),
        ('"abc".lastIndexOf("a", -1)', "lastIndexOf from -1"),
        ("[1, 2].join()", "join takes a list of texts"),
        ("event.data.tags.sum()", "sum takes a list of numbers"),
        ("[9223372036854775807, 1].sum()", "beyond 64 bits"),
        ("event.data.?text", "orValue"),
        ('event.answers["Budget"]', "Budget"),
    ],
)
def test_what_has_no_value_says_why(text: str, because: str) -> None:
    failed = value(text)
    assert isinstance(failed, Failed)
    assert because in failed.because


def test_now_is_when_the_event_arrived_however_often_it_is_decided() -> None:
    assert value("now()") == value("now()") == ARRIVED
    assert "received_at" in value("now()", received_at=None).because


LONG = "a" * 20_000


@pytest.mark.parametrize(
    "text",
    [
        'event.data.text.replace("a", event.data.text)',
        "event.data.text.split('').join(event.data.text)",
        "event.data.list.map(x, lower(event.data.text))",
        "event.data.list.map(x, event.data.text.reverse()).size()",
        "event.data.list.map(x, event.data.text.substring(1)).size()",
    ],
)
def test_functions_that_would_make_too_much_fail_and_name_the_limit(text: str) -> None:
    failed = value(text, data={"text": LONG, "list": list(range(100))})
    assert isinstance(failed, Failed)
    assert f"more than {MOST_CHARACTERS} characters" in failed.because


def test_a_list_that_holds_one_text_many_times_counts_each() -> None:
    failed = value("event.data.list.map(x, event.data.text)", data={"text": LONG, "list": list(range(100))})
    assert f"more than {MOST_CHARACTERS} characters" in failed.because


@pytest.mark.parametrize(
    "text",
    [
        "event.data.list.map(x, event.data.text).join()",
        'event.data.text.split("").map(x, event.data.text).size()',
        "event.data.list.exists(x, size(event.data.text) == 1)",
    ],
)
def test_a_macro_that_could_repeat_a_long_text_too_often_is_not_run(text: str) -> None:
    failed = value(text, data={"text": LONG, "list": list(range(9_000))})
    assert isinstance(failed, Failed)
    assert f"over {MOST_REPEATED} characters" in failed.because


def test_nested_macros_have_a_smaller_limit() -> None:
    nested = "[event.data.text.reverse()].map(t, event.data.list.map(x, t)).size()"
    assert value(nested, data={"text": "a" * 1_000, "list": [1, 2]}) == 1
    failed = value(nested, data={"text": LONG + "a", "list": [1, 2]})
    assert f"more than {MOST_IN_NESTED_MACROS} characters" in failed.because


@pytest.mark.parametrize(
    "text",
    [
        "[event.data.text].map(x, x + x)",
        "event.data.list.filter(x, (x + 1) > 2)",
        "event.data.list.all(x, [x + 1].size() > 0)",
        'event.data.list.map(x, x > 1, "a" + "b")',
    ],
)
def test_plus_does_not_stand_within_a_macro(text: str) -> None:
    with pytest.raises(ExpressionError, match="within a macro") as error:
        compiled(text)
    assert text[error.value.column - 1] == "+"


@pytest.mark.parametrize(
    "text",
    ['event.data.list.map(x, "a+b").join() + "+"', "event.data.map + 1", '"x.map(" + "y)"', "// a.map(x + 1)\n1 + 1"],
)
def test_plus_stands_beside_a_macro_and_in_texts(text: str) -> None:
    compiled(text)


TEXTS = st.one_of(
    st.sampled_from(["event.data.text", "event.data.list[0]", '"ab"', '""', "event.name", "event.data.missing"]),
    st.text("abX ", max_size=4).map(lambda text: f'"{text}"'),
)
NUMBERS = st.integers(-2, 30).map(str)


def called(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    lists = st.one_of(
        inner.map(lambda a: f'{a}.split("")'),
        st.tuples(inner, inner).map(lambda ab: f"[{ab[0]}, {ab[1]}]"),
        inner.map(lambda a: f"event.data.list.map(x, {a})"),
        inner.map(lambda a: f"event.data.list.map(x, event.data.list.map(y, {a})[0])"),
    )
    return st.one_of(
        st.tuples(inner, inner, inner).map(lambda abc: f"({abc[0]}).replace({abc[1]}, {abc[2]})"),
        st.tuples(lists, inner).map(lambda ab: f"{ab[0]}.join({ab[1]})"),
        st.tuples(st.sampled_from(["upper", "lower", "trim", "reverse", "first_name", "last_name"]), inner).map(
            lambda ab: f"{ab[0]}({ab[1]})"
        ),
        st.tuples(inner, NUMBERS, NUMBERS).map(lambda abc: f"({abc[0]}).substring({abc[1]}, {abc[2]})"),
        st.tuples(inner, inner).map(lambda ab: f"({ab[0]} + {ab[1]})"),
        lists,
    )


@settings(deadline=None, max_examples=100)
@given(st.recursive(TEXTS, called, max_leaves=12), st.integers(0, 3_000), st.integers(0, 60))
def test_any_expression_ends_within_its_limits_and_none_raises(text: str, length: int, count: int) -> None:
    try:
        expression = compiled(text)
    except ExpressionError:
        return
    subject = facts(data={"text": "aX" * length, "list": ["b" * length] * count})
    found = expression.evaluate(subject)
    assert isinstance(found, Failed) or characters(found) <= MOST_CHARACTERS


def characters(found: Any) -> int:
    return sum(map(characters, found)) if isinstance(found, list) else len(found) if isinstance(found, str) else 0


@given(
    st.sampled_from(FUNCTIONS), st.lists(st.sampled_from(["event.data", "null", "1", '"a"', "[1]", "true"]), max_size=4)
)
def test_any_operands_are_refused_or_evaluated(function: Any, operands: list[str]) -> None:
    try:
        expression = compiled(f"{function.name}({', '.join(f'dyn({one})' for one in operands)})")
    except ExpressionError:
        return
    expression.evaluate(facts())
