"""Sentences as HTML: what stands between backticks is code, and everything else is text."""

from __future__ import annotations

import pytest

from app.console.rendering import coded


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
