"""The normal form of an address: what is not seen, domains in other letters, and forms that lists may still have."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.people.addresses import _normalise_any, listed_address, normalise
from app.people.suppression import forms_of, read

NOT_SEEN = [
    "\u00ad",
    "\u061c",
    "\u200b",
    "\u200c",
    "\u200d",
    "\u200e",
    "\u202e",
    "\u2060",
    "\u2069",
    "\ufeff",
    "\U000e0041",
]


@pytest.mark.parametrize("hidden", NOT_SEEN)
@pytest.mark.parametrize(
    "way", ["{0}ada@corp.example", "ada{0}@corp.example", "ada@{0}corp.example", "ada@co{0}rp.example{0} "]
)
def test_characters_that_are_not_seen_make_no_other_person(way: str, hidden: str) -> None:
    assert normalise(way.format(hidden)) == "ada@corp.example"
    assert listed_address(way.format(hidden)) == "ada@corp.example"
    assert read(way.format(hidden)).value == "ada@corp.example"
    assert read(f"*{hidden}@{hidden}corp.example").value == "*@corp.example"


@pytest.mark.parametrize(
    ("address", "normal"),
    [
        ("x@stra\u00dfe.example", "x@xn--strae-oqa.example"),
        ("x@STRASSE.example", "x@strasse.example"),
        ("x@\u03b2\u03cc\u03bb\u03bf\u03c2.example", "x@xn--nxasmm1c.example"),
        ("x@B\u00dcCHER.example", "x@xn--bcher-kva.example"),
        ("x@\uff43orp\u3002example", "x@corp.example"),
        # A non-joiner between Persian letters is part of the name: without it this is another domain.
        ("x@\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.example", "x@xn--mgba3gch31f060k.example"),
        ("x@\u0646\u0627\u0645\u0647\u0627\u06cc.example", "x@xn--mgba3gch31f.example"),
    ],
)
def test_a_domain_in_other_letters_is_the_one_that_idna_2008_names(address: str, normal: str) -> None:
    assert normalise(address) == normal
    assert normalise(normal) == normal


@pytest.mark.parametrize(
    "host", ["xn--zz--.example", "i\u2764.example", "\u2488a.example", "a\u06281.example", "\ud800.example"]
)
def test_a_domain_that_idna_refuses_makes_no_address(host: str) -> None:
    assert normalise(f"x@{host}") is None


PLAIN = st.text("aZ09_+-.@xn \u212a\u200b", max_size=70)


@given(PLAIN, PLAIN)
@example("ann", "xn--strae-oqa.example")
@example("a" * 65, "corp.example")
@example("a.", "corp.example")
@example(".a", "corp.example")
@example("a..b", "corp.example")
@example("A+b", "Corp.Example\n")
@example("a", ".".join(["b" * 63] * 4))
@example("a" * 64, ".".join(["b" * 63] * 3))
@example("a", "b.c")
def test_the_short_way_to_a_normal_form_comes_to_the_same_as_the_long_one(local: str, host: str) -> None:
    address = f"{local}@{host}"
    assert normalise(address) == _normalise_any(address)


@given(st.text(), st.text())
@example("ada\u200d", "b\u00fccher\u200d.example")
@example("\u200c ada", "corp.example \u200c")
def test_a_normal_form_is_its_own_and_ascii_after_the_at(local: str, host: str) -> None:
    normal = normalise(f"{local}@{host}")
    if normal is not None:
        assert normalise(normal) == normal
        assert normal.rpartition("@")[2].isascii()


@pytest.mark.parametrize(
    ("email", "forms"),
    [
        ("ada@corp.example", ("ada@corp.example",)),
        ("x@xn--strae-oqa.example", ("x@xn--strae-oqa.example", "x@strasse.example")),
        ("x@xn--bcher-kva.example", ("x@xn--bcher-kva.example",)),
        ("x@xn--zz--.example", ("x@xn--zz--.example",)),
        ("\u200bada@corp.example", ("\u200bada@corp.example", "ada@corp.example")),
    ],
)
def test_an_address_is_looked_up_in_each_form_that_was_ever_stored(email: str, forms: tuple[str, ...]) -> None:
    assert forms_of(email) == forms
