"""A person's address in a URL is unreadable, the same each time, and whatever is no token is refused."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.console.person_token import LONGEST, PersonTokens

TOKENS = PersonTokens(b"k" * 32)
ADDRESSES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=254)
URL_SAFE = set(string.ascii_letters + string.digits + "_-")


@given(ADDRESSES)
def test_a_token_leads_back_to_its_address_and_stands_in_a_url_as_it_is(address: str) -> None:
    token = TOKENS.token_of(address)
    assert TOKENS.address_of(token) == address
    assert TOKENS.token_of(address) == token
    assert set(token) <= URL_SAFE
    assert len(token) <= LONGEST


@given(ADDRESSES, st.data())
def test_a_token_with_another_character_is_none(address: str, data: st.DataObject) -> None:
    token = TOKENS.token_of(address)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from(sorted(URL_SAFE - {token[place]})))
    assert TOKENS.address_of(token[:place] + other + token[place + 1 :]) is None


@given(st.text(max_size=300))
def test_anything_else_is_no_token(text: str) -> None:
    assert TOKENS.address_of(text) is None


@pytest.mark.parametrize("text", ["", "=", "a", "abcd", "ada@corp.example", "A" * (LONGEST + 1), "A" * 64])
def test_what_was_not_made_by_the_key_is_no_token(text: str) -> None:
    assert TOKENS.address_of(text) is None


def test_another_installation_cannot_read_it_and_writes_another() -> None:
    token = TOKENS.token_of("ada@corp.example")
    other = PersonTokens(b"o" * 32)
    assert other.address_of(token) is None
    assert other.token_of("ada@corp.example") != token


def test_the_address_does_not_stand_in_the_token() -> None:
    assert "ada" not in TOKENS.token_of("ada@corp.example").lower()
