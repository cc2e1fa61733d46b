"""Sentences as HTML: what stands between backticks is code, and everything else is text; and colours."""

from __future__ import annotations

import re

import pytest

from app.console.rendering import coded
from app.console.static_files import FOLDER


@pytest.mark.parametrize(
    ("sentence", "html"),
    [
        ("set `oauth: true` and `token`", "set <code>oauth: true</code> and <code>token</code>"),
        ("nothing of code", "nothing of code"),
        ("one ` alone", "one ` alone"),
        ("`<b>` & <i>", "<code>&lt;b&gt;</code> &amp; &lt;i&gt;"),
        ('`"` onclick="', "<code>&#34;</code> onclick=&#34;"),
        ("", ""),
    ],
)
def test_what_stands_between_backticks_is_code(sentence: str, html: str) -> None:
    assert coded(sentence) == html


def test_no_colour_depends_on_the_width() -> None:
    """So that contrast in a browser is looked at by one width alone: `tests/browser/test_accessibility.py`."""
    css = (FOLDER / "console.css").read_text(encoding="utf-8")
    narrow = re.findall(r"@media \([a-z-]*width[^{]*{((?:[^{}]*{[^{}]*})*[^{}]*)}", css)
    assert len(narrow) == css.count("@media (max-width")
    properties = set(re.findall(r"([a-z-]+):", "".join(narrow)))
    assert {"display", "grid-template-columns"} <= properties
    coloured = {
        "accent-color",
        "color",
        "fill",
        "filter",
        "font-size",
        "font-weight",
        "opacity",
        "stroke",
        "mix-blend-mode",
    }
    assert not [one for one in properties if one in coloured or one.startswith(("background", "--"))]
