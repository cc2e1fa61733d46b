"""Addresses are replaced in every encoding in which senders write them, and nothing beside them changes."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlencode
from xml.sax.saxutils import escape

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st

from app.sources.readdressing import readdressed

OLD, NEW = "ada+x@corp.example", "me&you+2@acme.example"


def test_json_keeps_everything_else_byte_for_byte() -> None:
    before = '{ "n": 1.10, "big": 12345678901234567890, "é": "\\u00e9", "e": "%s",\n "a": ["Hi %s."] }'
    assert readdressed(before % (OLD, OLD), [OLD], NEW) == before % (NEW, NEW)


@pytest.mark.parametrize("written", ["ada+x\\u0040corp.example", "\\u0061da+x@corp.example", "ADA+X@Corp.Example"])
def test_escapes_of_json_and_other_cases_are_the_same_address(written: str) -> None:
    changed = readdressed(f'{{"email": "{written}", "note": "a\\nada+x@corp.example"}}', [OLD], NEW)
    assert json.loads(changed) == {"email": NEW, "note": f"a\n{NEW}"}


def test_json_in_the_strings_of_json_in_a_form() -> None:
    inner = json.dumps({"answers": json.dumps([{"line": f"a\n{OLD}"}])})
    form = readdressed(urlencode({"id": "7", "payload": inner, "email": OLD}), [OLD], NEW, form=True)
    fields = parse_qs(form)
    assert json.loads(json.loads(fields["payload"][0])["answers"]) == [{"line": f"a\n{NEW}"}]
    assert (fields["email"], fields["id"]) == ([NEW], ["7"])


def test_a_field_in_an_older_encoding_stays_as_it_is() -> None:
    assert readdressed(f"name=Andr%E9&email={quote_plus(OLD)}", [OLD], NEW, form=True) == (
        f"name=Andr%E9&email={quote_plus(NEW)}"
    )


@pytest.mark.parametrize("written", [OLD, OLD.replace("@", "&#64;"), OLD.replace("+", "&#x2B;")])
def test_xml_and_its_entities(written: str) -> None:
    changed = readdressed(f'<a x="1"><b>{written}</b><c>{escape("R&D")}</c></a>', [OLD], NEW)
    assert fromstring(changed).findtext("b") == NEW
    assert fromstring(changed).findtext("c") == "R&D"


def test_an_address_in_a_url_is_replaced_in_the_form_that_it_has_there() -> None:
    before = '{"url": "https://x.example/?email=ada%2Bx%40corp.example&n=1"}'
    assert json.loads(readdressed(before, [OLD], NEW))["url"] == (
        "https://x.example/?email=me%26you%2B2%40acme.example&n=1"
    )


def test_addresses_of_others_that_look_alike_stay() -> None:
    others = "banda@corp.example x.da@corp.example da@corp.example.org da@corp.example-inc.com"
    assert readdressed(f"da@corp.example {others}", ["da@corp.example"], NEW) == f"{NEW} {others}"


def test_the_new_address_is_not_replaced_in_its_turn() -> None:
    assert readdressed("e@acme.example", ["e@acme.example"], "me@acme.example") == "me@acme.example"
    both = ["ada@corp.example", "bea@corp.example"]
    assert readdressed(" ".join(both), both, "bea@corp.example") == "bea@corp.example bea@corp.example"


TEXTS = st.lists(st.sampled_from([OLD, " ", "\n", '"', "\\", "é", "\ud800", "<b>", "x", "[", "{"]), max_size=6).map(
    "".join
)
VALUES = st.recursive(
    TEXTS | st.integers() | st.none(),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from("abc"), below, max_size=3),
)


def holds(value: Any, address: str) -> bool:
    """Whether an address stands by itself somewhere in a value."""
    if isinstance(value, str):
        return address in value.replace("<b>", " ").split()
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(holds(item, address) for item in inside)


@pytest.mark.parametrize("ascii_only", [True, False])
@given(value=VALUES)
def test_whatever_stands_beside_it_an_address_goes_and_the_rest_stays(*, value: Any, ascii_only: bool) -> None:
    text = json.dumps({"v": value, "s": json.dumps(value)}, ensure_ascii=ascii_only)
    changed = json.loads(readdressed(text, [OLD], "me@acme.example"))
    assert not holds(changed["v"], OLD)
    assert not holds(json.loads(changed["s"]), OLD)
    assert json.loads(json.dumps(changed).replace("me@acme.example", OLD)) == json.loads(text)
