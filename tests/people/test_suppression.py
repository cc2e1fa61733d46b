"""What an entry of the suppression list stands for."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.people.addresses import normalise
from app.people.suppression import Kind, fits, read


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        (" Ada@Corp.example ", Kind.ADDRESS, "ada@corp.example"),
        ("corp.example", Kind.DOMAIN, "corp.example"),
        ("@Corp.example", Kind.DOMAIN, "corp.example"),
        ("*.corp.example", Kind.PATTERN, "*@*.corp.example"),
        ("*+test@*", Kind.PATTERN, "*+test@*"),
        ("B\u00fccher.example", Kind.DOMAIN, "xn--bcher-kva.example"),
        ("bu\u0308cher.example", Kind.DOMAIN, "xn--bcher-kva.example"),
        ("a@b\u00fccher.example", Kind.ADDRESS, "a@xn--bcher-kva.example"),
        ("*@b\u00fccher.example", Kind.PATTERN, "*@xn--bcher-kva.example"),
        ("*.b\u00fccher\u3002example", Kind.PATTERN, "*@*.xn--bcher-kva.example"),
        ("*.m*.b\u00fccher.*", Kind.PATTERN, "*@*.m*.xn--bcher-kva.*"),
        ("Re\u0301ne\u0301e*@corp.example", Kind.PATTERN, "r\u00e9n\u00e9e*@corp.example"),
        ("J\u030c*@corp.example", Kind.PATTERN, "\u01f0*@corp.example"),
    ],
)
def test_entries_have_one_form(text: str, kind: Kind, value: str) -> None:
    entry = read(text)
    assert (entry.kind, entry.value) == (kind, value)
    assert read(entry.value) == entry


@pytest.mark.parametrize("text", ["", "*", "*@*", "@", "ada", "a b@corp.example", "ada@", "x" * 400 + "*", "*@*.*"])
def test_an_entry_for_no_person_or_for_all_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write an address, a domain, or a pattern"):
        read(text)


@pytest.mark.parametrize(
    "text",
    [
        "*b\u00fccher.example",
        "*@b\u00fc*.example",
        "*@\uff0a.example",
        "b\u00fc\uff0acher.example",
        "\u00fc" * 70 + ".example",
    ],
)
def test_a_domain_without_an_ascii_form_is_refused_and_why(text: str) -> None:
    with pytest.raises(ValueError, match="no ASCII form"):
        read(text)


def test_a_pattern_that_no_address_can_fit_for_its_letters_is_refused() -> None:
    with pytest.raises(ValueError, match="write an address, a domain, or a pattern"):
        read("\ud800*@corp.example")


@pytest.mark.parametrize(
    ("text", "holds", "leaves"),
    [
        ("corp.example", "ada@corp.example", "ada@sub.corp.example"),
        ("ada@corp.example", "ada@corp.example", "bada@corp.example"),
        ("*.corp.example", "ada@sub.corp.example", "ada@corp.example"),
        ("*+test@*", "ada+test@x.example", "ada@x.example"),
        ("a.*@x.example", "a.b@x.example", "ab@x.example"),
        ("*@*.gov", "x@tax.gov", "x@gov.example"),
        ("b\u00fccher.example", "a@xn--bcher-kva.example", "a@bucher.example"),
        ("*.b\u00fccher.example", "a@de.xn--bcher-kva.example", "a@xn--bcher-kva.example"),
        ("e\u0301*@corp.example", "\u00e9va@corp.example", "eva@corp.example"),
    ],
)
def test_entries_hold_whom_they_stand_for(text: str, holds: str, leaves: str) -> None:
    assert read(text).matches(holds)
    assert not read(text).matches(leaves)


PIECES = st.lists(st.sampled_from(["a", "b", "ab", ".", "*"]), max_size=12).map("".join)


@given(PIECES, PIECES, PIECES.map(lambda text: text.replace("*", "a")))
def test_a_pattern_fits_what_the_expression_that_it_stands_for_fits(before: str, after: str, text: str) -> None:
    pattern = f"{before}*{after}"
    assert fits(pattern, text) == bool(re.fullmatch(re.sub(r"\\\*", ".*", re.escape(pattern)), text))


def test_a_pattern_of_many_stars_is_matched_in_one_pass() -> None:
    assert not read("*" + "a*" * 100 + "@x.example").matches("a" * 99 + "@x.example")
    assert read("*" + "a*" * 100 + "@x.example").matches("a" * 100 + "@x.example")


@given(st.text(), st.emails())
def test_any_text_is_an_entry_or_refused(text: str, email: str) -> None:
    with suppress(ValueError):
        entry = read(text)
        assert read(entry.value) == entry
        entry.matches(email)


# A person's address, written as anybody writes it; stars and another `@` mean something of their own in an entry.
PLAIN = st.text(st.characters(exclude_characters="@*"))


@given(PLAIN, PLAIN)
@example("e\u0301va", "b\u00fccher.example")
@example("J\u030c", "\uff0a.example")
def test_an_address_at_a_domain_is_held_by_each_way_of_writing_it(local: str, host: str) -> None:
    address = normalise(f"{local}@{host}")
    if address is not None:
        ways = (f"{local}@{host}", host, f"*@{host}", f"{local}@*")
        assert [way for way in ways if not read(way).matches(address)] == []
