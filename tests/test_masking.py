"""Addresses are masked wherever they stand, the same each time; all else stays as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from app.masking import masked_text, masked_value, printable

MASKED = {
    "ada@corp.example": "a***@corp.example",
    "j@acme.example": "j***@acme.example",
    "Ada Ash <ada.ash+x@corp.example>, bob@x.example": "Ada Ash <a***@corp.example>, b***@x.example",
    "o'hara@corp.example": "o***@corp.example",
    '"ada ash"@corp.example': "a***@corp.example",
    "\u00e4da@b\u00fccher.example": "\u00e4***@b\u00fccher.example",
    "ada@[192.0.2.1]": "a***@[192.0.2.1]",
    "https://x.example/ada%40corp.example": "https://x***%40corp.example",
    "ada%2540corp.example": "a***%2540corp.example",
    '{"email":"ada@corp.example"}': '{"email":"a***@corp.example"}',
    "ada\\u0040corp.example": "a***\\u0040corp.example",
    "ada\\uFF20corp.example": "a***\\uFF20corp.example",
    "ada\\\\u0040corp.example": "a***\\u0040corp.example",
    "ada\\u002elovelace@corp.example": "a***@corp.example",
    "\\u0061da@corp.example": "***@corp.example",
    "&#97;&#100;a&#64;corp.example": "***&#64;corp.example",
    "a&amp;b@corp.example": "a***@corp.example",
    "&lt;ada@corp.example&gt;": "&lt;a***@corp.example&gt;",
    "%22ada%20ash%22%40corp.example": "***%40corp.example",
    "ada%40%63orp.example": "a***%40%63orp.example",
    "ada@\\u0063orp.example": "a***@\\u0063orp.example",
    "ada@corp.example;bob@x.example": "a***@corp.example;b***@x.example",
    "Jose\u0301@corp.example": "J***@corp.example",
    "ada\u200b@corp.example": "a***@corp.example",
    "ada\U0001f600@corp.example": "a***@corp.example",
    "ada\ufe6bcorp.example": "a***\ufe6bcorp.example",
    f'"{"ada " * 30}"@corp.example': "a***@corp.example",
    "ada&#64;corp.example": "a***&#64;corp.example",
    "ada\uff20corp.example": "a***\uff20corp.example",
    "a@b@c.example": "a***@b***@c.example",
    "ada&amp;#64;corp.example": "a***&amp;#64;corp.example",
    "ada&amp;commat;corp.example": "a***&amp;commat;corp.example",
    "o&amp;#39;hara@corp.example": "o***@corp.example",
    "by &#34;ada ash&#34;@corp.example": "by ***@corp.example",
    "no id 'ada@corp.example'": "no id 'a***@corp.example'",
}


@pytest.mark.parametrize(("text", "masked"), MASKED.items())
def test_an_address_keeps_its_first_character_and_its_domain(text: str, masked: str) -> None:
    assert masked_text(text) == masked


@pytest.mark.parametrize("text", ["ada&#64;corp.example", '"ada ash"@corp.example', "ada&commat;corp.example"])
def test_what_html_escapes_is_masked_in_it(text: str) -> None:
    assert "ada" not in masked_text(str(escape(text)))


@pytest.mark.parametrize(
    "text", ["", "no address", "2 @ 3", "@anna wrote", "100%", "enr_4040", "&amp;", "*@corp.example"]
)
def test_what_is_no_address_stays(text: str) -> None:
    assert masked_text(text) == text


@given(st.text(alphabet='ada.+@ "<>%40&#6;x', max_size=60))
def test_masked_text_is_masked_once(text: str) -> None:
    once = masked_text(text)
    assert masked_text(masked_text(once)) == masked_text(once)


@pytest.mark.parametrize(
    "text",
    [
        '"ada@corp.example"',
        "'ada@corp.example'",
        "&ada@corp.example",
        "<ada@corp.example>",
        '"_ada@corp.example"',
        '"***@corp.example"',
    ],
)
def test_what_is_masked_stays_as_it_is_once_a_page_has_escaped_it(text: str) -> None:
    page = str(escape(masked_text(text)))
    assert masked_text(page) == page


def test_names_of_members_are_masked_and_other_values_kept() -> None:
    value = {"ada@corp.example": [1, None, True, {"x": ("bob@x.example",)}]}
    assert masked_value(value) == {"a***@corp.example": [1, None, True, {"x": ["b***@x.example"]}]}


def test_a_terminal_gets_no_control_characters() -> None:
    assert printable("\u00e4 b\n\tc") == "\u00e4 b\n\tc"
    assert printable("\x1b]0;x\x07\x00\u202e\r\x9b") == r"\x1b]0;x\x07\x00\u202e\r\x9b"


def test_a_long_text_without_an_address_is_looked_at_once() -> None:
    assert masked_text("a" * 2_000_000 + "40") == "a" * 2_000_000 + "40"
    assert masked_text("=" * 2_000_000 + "40") == "=" * 2_000_000 + "40"
    assert masked_text('"' * 200_000 + "@").endswith('"@')
    assert masked_text("&#97;" * 200_000 + "@x") == "***@x"
    assert masked_text(";" * 200_000 + "@x") == ";" * 200_000 + "@x"
    assert masked_text("@" * 200_000 + "x") == "@" * 200_000 + "x"
