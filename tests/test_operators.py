"""Operators' tokens as they are written: what is taken, what is refused, and that no message shows one."""

from __future__ import annotations

import pytest

from app.operators import Role, digest_of, found, read_tokens
from tests.support.service import ADMIN_TOKEN, OPERATOR_TOKEN, VIEWER_TOKEN

REFUSED = {
    "ada admin change-me": "shorter than 32",
    f"ada admin {'change-me-' * 5}": "placeholder",
    f"ada admin {'a' * 40}": "placeholder",
    f"ada admin {ADMIN_TOKEN[:31]}": "shorter than 32",
    f"ada root {ADMIN_TOKEN}": "viewer, operator, admin",
    f"ada {ADMIN_TOKEN}": "name role token",
    f"cli admin {ADMIN_TOKEN}": "its name",
    f"ada@corp admin {ADMIN_TOKEN}": "its name",
    f"ada admin {ADMIN_TOKEN}!": "characters",
    f"ada admin {ADMIN_TOKEN}, bob admin {ADMIN_TOKEN}": "twice",
    f"ada admin {ADMIN_TOKEN}, ada viewer {VIEWER_TOKEN}": "two roles",
    f"ada admin {ADMIN_TOKEN}, ada admin {VIEWER_TOKEN}, ada admin {OPERATOR_TOKEN}": "more than 2",
}


def test_tokens_are_read_by_line_and_by_comma_and_kept_as_hashes() -> None:
    tokens = read_tokens(
        f"ada admin {ADMIN_TOKEN}\n# who reads\nvera  viewer {VIEWER_TOKEN}, ada admin {OPERATOR_TOKEN}"
    )
    assert [(token.name, token.role) for token in tokens] == [
        ("ada", Role.ADMIN),
        ("vera", Role.VIEWER),
        ("ada", Role.ADMIN),
    ]
    assert found(tokens, digest_of(VIEWER_TOKEN)) == tokens[1]
    assert found(tokens, digest_of(VIEWER_TOKEN[:-1])) is None
    assert VIEWER_TOKEN not in repr(tokens)


@pytest.mark.parametrize(("text", "why"), REFUSED.items(), ids=REFUSED.values())
def test_a_token_that_cannot_be_used_is_refused_without_being_shown(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        read_tokens(text)
    assert not any(token[:20] in str(refused.value) for token in (ADMIN_TOKEN, VIEWER_TOKEN, OPERATOR_TOKEN))


def test_a_role_may_what_those_below_it_may() -> None:
    assert [[role.may(needed) for needed in Role] for role in Role] == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]
