"""Form-encoded bodies are read as their senders meant them."""

from __future__ import annotations

import pytest

from app.sources.forms import urlencoded


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        ("email=ann%2Bdemo%40corp.example&note=a+b", "ann+demo@corp.example"),
        ("2=ann+demo@corp.example&note=a+b", "ann+demo@corp.example"),
        ("email=ann+demo%40corp.example&note=a+b", "ann+demo@corp.example"),
        ("Email-2=ann+demo%40corp.example&note=a+b", "ann+demo@corp.example"),
        # An encoder that knows "@" knows "+", so that this is a space: a text of two words.
        ("2=ask+demo%40corp.example&note=a+b", "ask demo@corp.example"),
        ("2=ask+ann+or+bob&note=a+b", "ask ann or bob"),
        ("2=+ann@corp.example&note=a+b", " ann@corp.example"),
    ],
)
def test_a_plus_in_an_address_that_was_not_encoded_is_a_plus(body: str, sent: str) -> None:
    first, *_ = (found := urlencoded(body.encode())).values()
    assert (first, found["note"]) == (sent, "a b")
