"""What OAuth apps were granted: codes that count once, refresh tokens, and access tokens that expire."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.sandbox.state.account import State

# Clients are told to allow for 512 characters and more; a short token would hide a column that is too narrow.
LONG = 375


@dataclass(frozen=True)
class Grant:
    """One app may do `scopes` in one account."""

    state: State
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
        self.refreshing: dict[str, Grant] = {}
        self.accesses: dict[str, Access] = {}

    def consent(self, code: Code) -> str:
        """Write down a consent; return the code for it."""
        name = secrets.token_urlsafe(24)
        self.codes[name] = code
        return name

    def refresh_token(self, grant: Grant) -> str:
        """Return a new refresh token."""
        token = secrets.token_urlsafe(48)
        self.refreshing[token] = grant
        return token

    def access_token(self, refresh_token: str, expires_at: float) -> str:
        """Return a new access token."""
        token = "CJ" + secrets.token_urlsafe(LONG)
        self.accesses[token] = Access(self.refreshing[refresh_token], refresh_token, expires_at)
        return token

    def end(self, refresh_token: str) -> None:
        """End a refresh token and the access tokens that it brought."""
        self.refreshing.pop(refresh_token, None)
        gone = [token for token, access in self.accesses.items() if access.refresh_token == refresh_token]
        for token in gone:
            del self.accesses[token]

    def revoke(self, state: State) -> int:
        """End everything that one account has granted; return how many grants there were."""
        gone = [token for token, grant in self.refreshing.items() if grant.state is state]
        for token in gone:
            del self.refreshing[token]
        self.accesses = {name: access for name, access in self.accesses.items() if access.grant.state is not state}
        self.codes = {name: code for name, code in self.codes.items() if code.grant.state is not state}
        return len(gone)

    def state_of(self, form: Mapping[str, str]) -> State | None:
        """Return the account that a request for tokens is about."""
        code, access = self.codes.get(form.get("code", "")), self.accesses.get(form.get("token", ""))
        refreshed = self.refreshing.get(form.get("refresh_token", "") or form.get("token", ""))
        if refreshed is not None:
            return refreshed.state
        found = code or access
        return found.grant.state if found is not None else None


def proves(code: Code, verifier: str) -> bool:
    """Return whether a verifier is the one that the challenge of a code was made of (RFC 7636)."""
    if not code.challenge:
        return True
    digest = hashlib.sha256(verifier.encode("utf-8", "replace")).digest()
    hashed = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return secrets.compare_digest((hashed if code.method == "S256" else verifier).encode(), code.challenge.encode())
