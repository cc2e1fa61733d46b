from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from app.accounts.encryption import Encryption, encryption, new_key
from app.errors import DecryptionFailed, StartError

OLD, NEW, OTHER = new_key(), new_key(), new_key()
EMEA = ("oauth", "emea", "access_token")
contexts = st.lists(st.text(), max_size=4)


@given(st.text(), contexts)
def test_what_was_sealed_opens_and_does_not_show_itself(text: str, context: list[str]) -> None:
    sealed = Encryption([NEW]).encrypt(text, context)
    assert Encryption([NEW]).decrypt(sealed, context) == text
    assert len(text) < 5 or text.encode("utf-8", "surrogatepass") not in sealed


@given(st.text(), contexts)
def test_an_old_key_still_opens_and_rotating_makes_it_superfluous(text: str, context: list[str]) -> None:
    sealed = Encryption([OLD]).encrypt(text, context)
    both = Encryption([NEW, OLD])
    assert both.decrypt(sealed, context) == text
    assert Encryption([NEW]).decrypt(both.rotate(sealed), context) == text
    with pytest.raises(DecryptionFailed):
        Encryption([NEW]).decrypt(sealed, context)


@given(st.text(), contexts, contexts)
def test_what_belongs_elsewhere_does_not_open_here(text: str, context: list[str], other: list[str]) -> None:
    sealed = Encryption([NEW]).encrypt(text, context)
    if context != other:
        with pytest.raises(DecryptionFailed):
            Encryption([NEW]).decrypt(sealed, other)


def test_the_rows_of_two_accounts_and_the_two_tokens_of_one_cannot_be_swapped() -> None:
    sealed = Encryption([NEW]).encrypt("token", EMEA)
    for other in (("oauth", "apac", "access_token"), ("oauth", "emea", "refresh_token")):
        with pytest.raises(DecryptionFailed, match="belongs elsewhere"):
            Encryption([NEW]).decrypt(sealed, other)


@given(st.binary())
def test_any_bytes_end_in_our_error(sealed: bytes) -> None:
    box = Encryption([NEW, OLD])
    with pytest.raises(DecryptionFailed, match="SEGUE_ENCRYPTION_KEYS"):
        box.decrypt(sealed, EMEA)
    with pytest.raises(DecryptionFailed, match="SEGUE_ENCRYPTION_KEYS"):
        box.rotate(sealed)


@given(st.binary())
def test_whatever_another_program_sealed_under_the_key_ends_in_our_error(content: bytes) -> None:
    with pytest.raises(DecryptionFailed):
        Encryption([NEW]).decrypt(Fernet(NEW).encrypt(content), EMEA)


def test_keys_are_read_from_one_line_the_newest_first() -> None:
    box = encryption(f" {NEW} , {OLD}")
    assert Encryption([NEW]).decrypt(box.encrypt("token", EMEA), EMEA) == "token"
    assert box.decrypt(Encryption([OLD]).encrypt("token", EMEA), EMEA) == "token"


@pytest.mark.parametrize(
    "wrong",
    ["", ",", "made-up-key", f"{NEW},", f"{NEW},not-a-key", f"{NEW};{OLD}", "ключ"],
    ids=["nothing", "a comma", "no key", "an end", "a second one", "a semicolon", "not ASCII"],
)
def test_a_malformed_key_is_named_by_its_place_and_never_shown(wrong: str) -> None:
    with pytest.raises(StartError, match=r"SEGUE_ENCRYPTION_KEYS: key [12] of [12] is no key.*segue new-key") as raised:
        encryption(wrong)
    assert not any(part and part in str(raised.value) for part in wrong.replace(";", ",").split(","))


@given(st.text())
def test_any_text_is_either_keys_or_our_error(keys: str) -> None:
    with pytest.raises(StartError):
        encryption(keys)
