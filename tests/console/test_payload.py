"""A payload on a page: JSON again when its lines are joined, what a rule read marked, addresses masked."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.console.payload import LONGEST_TEXT, MOST_LINES, payload_lines

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.text(max_size=20) | st.integers() | st.booleans() | st.none() | FLOATS
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))


def joined(value: Any, *read: tuple[str | int, ...], masked: bool = True) -> str:
    lines = payload_lines(value, read, masked=masked).lines
    return "\n".join("".join(one.text for one in line) for line in lines)


def marked(value: Any, *read: tuple[str | int, ...]) -> list[str]:
    return [one.text for line in payload_lines(value, read).lines for one in line if one.marked]


@given(JSON)
def test_the_lines_are_the_value_again(value: Any) -> None:
    assert json.loads(joined(value, masked=False)) == value
    assert joined(value, masked=False) == json.dumps(value, indent=2, ensure_ascii=False)


@given(JSON, st.lists(st.lists(st.text(max_size=5) | st.integers(0, 2), max_size=3).map(tuple)))
def test_marks_change_no_text(value: Any, read: list[tuple[str | int, ...]]) -> None:
    assert joined(value, *read) == joined(value)


def test_what_a_rule_read_is_marked_with_all_below_it() -> None:
    value = {"employees": 80, "owner": {"name": "Ada", "id": 7}, "list": [1, 2]}
    assert marked(value, ("employees",)) == ['"employees"', ": ", "80"]
    assert marked(value, ("owner",)) == ['"owner"', ": ", '"name"', ": ", '"Ada"', '"id"', ": ", "7"]
    assert marked(value, ("owner", "id")) == ['"id"', ": ", "7"]
    assert marked(value, ("list", 1)) == ["2"]
    assert marked(value, ("absent",), ("list", 9)) == []
    assert len(marked({"a": 1}, ())) == len(['"a"', ": ", "1"])


def test_addresses_are_masked_in_values_and_names_unless_they_are_shown() -> None:
    value = {"ada@corp.example": "write to ada@corp.example", "n": 1}
    assert "ada@" not in joined(value)
    assert "a***@corp.example" in joined(value)
    assert "ada@corp.example" in joined(value, masked=False)


def test_kinds_are_told_apart() -> None:
    lines = payload_lines({"a": "x", "b": 1, "c": None, "d": [], "e": {}}).lines
    kinds = {one.text: one.kind for line in lines for one in line}
    assert {key: kinds[key] for key in ('"a"', '"x"', "1", "null", "[]", "{}")} == {
        '"a"': "key",
        '"x"': "text",
        "1": "number",
        "null": "word",
        "[]": "sign",
        "{}": "sign",
    }


def test_a_large_payload_is_cut() -> None:
    long = payload_lines([0] * (MOST_LINES * 2))
    assert (len(long.lines), long.cut) == (MOST_LINES, True)
    assert len(joined("x" * 10_000)) == LONGEST_TEXT + len('"…"')
    assert not payload_lines([0]).cut
