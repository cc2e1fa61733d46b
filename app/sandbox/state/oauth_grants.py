"""Grants of OAuth apps: codes that can be used once, refresh tokens, and access tokens that expire."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.sandbox.state.account import Account

# HubSpot asks clients to allow for 512 characters and more; a short token would hide a column that is too narrow.
LONG = 375


@dataclass(frozen=True)
class Grant:
    """One app may use `scopes` in one account."""

    account: Account
    scopes: tuple[str, ...]


@dataclass(frozen=True)
class Code:
    """A consent that was given and not yet exchanged. `challenge` is empty where the app sent none."""

    grant: Grant
    redirect_uri: str
    challenge: str
    method: str


@dataclass(frozen=True)
class Access:
    """What an access token stands for."""

    grant: Grant
    refresh_token: str
    expires_at: float


class Grants:
    """All grants of all accounts."""

    def __init__(self) -> None:
        self.codes: dict[str, Code] = {}
        self.refresh_tokens: dict[str, Grant] = {}
        self.access_tokens: dict[str, Access] = {}

    def issue_code(self, code: Code) -> str:
        """Keep a consent; return the code that is exchanged for tokens."""
        name = secrets.token_urlsafe(24)
        self.codes[name] = code
        return name

    def issue_refresh_token(self, grant: Grant) -> str:
        """Return a new refresh token."""
        token = secrets.token_urlsafe(48)
        self.refresh_tokens[token] = grant
        return token

    def issue_access_token(self, refresh_token: str, expires_at: float) -> str:
        """Return a new access token."""
        token = "CJ" + secrets.token_urlsafe(LONG)
        self.access_tokens[token] = Access(self.refresh_tokens[refresh_token], refresh_token, expires_at)
        return token

    def revoke(self, refresh_token: str) -> None:
        """Revoke a refresh token and the access tokens that were issued for it."""
        self.refresh_tokens.pop(refresh_token, None)
        issued = [token for token, access in self.access_tokens.items() if access.refresh_token == refresh_token]
        for token in issued:
            del self.access_tokens[token]

    def revoke_all(self, account: Account) -> int:
        """Revoke all grants of one account; return how many there were."""
        revoked = [token for token, grant in self.refresh_tokens.items() if grant.account is account]
        for token in revoked:
            del self.refresh_tokens[token]
        self.access_tokens = {
            token: access for token, access in self.access_tokens.items() if access.grant.account is not account
        }
        self.codes = {name: code for name, code in self.codes.items() if code.grant.account is not account}
        return len(revoked)

    def expire_all(self, account: Account) -> int:
        """End the access tokens of one account before their time; return how many. The grants stay."""
        ended = {token: access for token, access in self.access_tokens.items() if access.grant.account is account}
        self.access_tokens |= {token: replace(access, expires_at=account.clock()) for token, access in ended.items()}
        return len(ended)

    def account_of(self, form: Mapping[str, str]) -> Account | None:
        """Return the account that a request for tokens is about."""
        code, access = self.codes.get(form.get("code", "")), self.access_tokens.get(form.get("token", ""))
        grant = self.refresh_tokens.get(form.get("refresh_token", "") or form.get("token", ""))
        if grant is not None:
            return grant.account
        found = code or access
        return found.grant.account if found is not None else None


def matches_challenge(code: Code, verifier: str) -> bool:
    """Return whether a verifier is the one that the challenge of a code was made of (RFC 7636)."""
    if not code.challenge:
        return True
    digest = hashlib.sha256(verifier.encode("utf-8", "replace")).digest()
    hashed = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return secrets.compare_digest((hashed if code.method == "S256" else verifier).encode(), code.challenge.encode())
