"""A grant as value and as row: the row holds its tokens encrypted for their account and their column."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Row

    from app.accounts.encryption import Encryption
    from app.hubspot.api.oauth import Tokens

TOKENS = ("access_token", "refresh_token")


@dataclass(frozen=True, slots=True)
class Grant:
    """A stored grant. `expires_in` and the other times are in seconds, by the database's clock.

    `version` is the fence: every new token has a new one, which no other grant ever had. `leased_seconds` is how long
    the replica `leased_by` may request a token (None: no replica does). Without `leased_by` no replica may request one
    for that long, and `detail` says why.
    """

    account: str
    hub_id: str
    user_id: str | None
    scopes: tuple[str, ...]
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int
    seconds_left: float
    active: bool
    detail: str | None
    version: int
    leased_by: str | None
    leased_seconds: float | None


def sealed(encryption: Encryption, account: str, tokens: Tokens, *, seconds: float) -> dict[str, Any]:
    """Return the column values for `tokens`, of which the access token lives for `seconds` from now on."""
    secrets = {name: getattr(tokens, name) for name in TOKENS}
    return {
        name: None if secret is None else encryption.encrypt(secret, _context(account, name))
        for name, secret in secrets.items()
    } | {
        "expires_in": tokens.expires_in,
        "seconds": seconds,
        "user_id": tokens.facts.user_id,
        "scopes": None if tokens.facts.scopes is None else list(tokens.facts.scopes),
    }


def opened(encryption: Encryption, row: Row[Any]) -> Grant:
    """Return the grant that a row holds. Raises DecryptionFailed."""
    secrets = {name: encryption.decrypt(bytes(getattr(row, name)), _context(row.account, name)) for name in TOKENS}
    leased = row.leased_seconds is not None and row.leased_seconds > 0
    return Grant(
        **secrets,
        account=row.account,
        hub_id=row.hub_id,
        user_id=row.user_id,
        scopes=tuple(row.scopes),
        expires_in=row.expires_in,
        seconds_left=row.seconds_left,
        active=row.state == "active",
        detail=row.detail,
        version=row.version,
        leased_by=row.leased_by if leased else None,
        leased_seconds=row.leased_seconds if leased else None,
    )


def _context(account: str, name: str) -> tuple[str, ...]:
    return ("oauth_grants", account, name)
