"""What an entry of the suppression list stands for."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.policy.suppression import Kind, read


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        (" Ada@Corp.example ", Kind.ADDRESS, "ada@corp.example"),
        ("corp.example", Kind.DOMAIN, "corp.example"),
        ("@Corp.example", Kind.DOMAIN, "corp.example"),
        ("*.corp.example", Kind.PATTERN, "*@*.corp.example"),
        ("*+test@*", Kind.PATTERN, "*+test@*"),
    ],
)
def test_entries_have_one_form(text: str, kind: Kind, value: str) -> None:
    entry = read(text)
    assert (entry.kind, entry.value) == (kind, value)
    assert read(entry.value) == entry


@pytest.mark.parametrize("text", ["", "*", "*@*", "@", "ada", "a b@corp.example", "ada@", "x" * 400 + "*", "*@*.*"])
def test_what_stands_for_nobody_or_everybody_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write an address, a domain, or a pattern"):
        read(text)


@pytest.mark.parametrize(
    ("text", "holds", "leaves"),
    [
        ("corp.example", "ada@corp.example", "ada@sub.corp.example"),
        ("ada@corp.example", "ada@corp.example", "bada@corp.example"),
        ("*.corp.example", "ada@sub.corp.example", "ada@corp.example"),
        ("*+test@*", "ada+test@x.example", "ada@x.example"),
        ("a.*@x.example", "a.b@x.example", "ab@x.example"),
        ("*@*.gov", "x@tax.gov", "x@gov.example"),
    ],
)
def test_entries_hold_whom_they_stand_for(text: str, holds: str, leaves: str) -> None:
    assert read(text).holds(holds)
    assert not read(text).holds(leaves)


@given(st.text(), st.emails())
def test_any_text_is_an_entry_or_refused(text: str, email: str) -> None:
    with suppress(ValueError):
        entry = read(text)
        assert read(entry.value) == entry
        entry.holds(email)
