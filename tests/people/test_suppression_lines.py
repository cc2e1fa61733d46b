"""A pasted list: every line of it, or the numbers of the lines that are no entries."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.people.suppression import Kind
from app.people.suppression_lines import MOST_LINES, MOST_NAMED, read_lines


def test_a_list_is_read_line_by_line() -> None:
    found = read_lines("\n# asked by legal\nAda@Corp.example\r\n  rival.example \n*@*.gov\nada@corp.example\n")
    assert found.wrong == ()
    assert [(entry.kind, entry.value) for entry in found.entries] == [
        (Kind.ADDRESS, "ada@corp.example"),
        (Kind.DOMAIN, "rival.example"),
        (Kind.PATTERN, "*@*.gov"),
    ]


def test_one_wrong_line_is_enough_to_add_none_and_each_is_named_without_what_stands_there() -> None:
    found = read_lines("ada@corp.example\nno entry\n\nbob@@corp.example")
    assert found.entries == ()
    assert [one.line for one in found.wrong] == [2, 4]
    assert not any("bob" in one.message or "no entry" in one.message for one in found.wrong)


def test_a_list_has_an_end() -> None:
    assert len(read_lines("\n".join(f"p{n}.example" for n in range(MOST_LINES))).entries) == MOST_LINES
    found = read_lines("\n".join(f"p{n}.example" for n in range(MOST_LINES + 50)))
    assert [one.line for one in found.wrong] == [MOST_LINES + 1]
    assert len(read_lines("x y\n" * 500).wrong) == MOST_NAMED


@given(st.text())
def test_no_text_is_too_odd_to_be_read(text: str) -> None:
    found = read_lines(text)
    assert bool(found.entries) + bool(found.wrong) <= 1
    assert len({entry.value for entry in found.entries}) == len(found.entries)
