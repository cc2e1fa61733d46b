"""Connections in progress: the ticket of an install link, and the state that HubSpot returns.

Both are random and work once: a ticket for as long as the operator says, a state for ten minutes. Only their SHA-256
is stored, so that a lookup compares no secret, and a reader of the table can use none.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.accounts import grant_statements as sql
from app.audit.store import note
from app.database.engine import busy_when_gone

if TYPE_CHECKING:
    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.accounts.encryption import Encryption

LIFE_SECONDS = 600  # of a state, while the person is at HubSpot


@dataclass(frozen=True, slots=True)
class Pending:
    """A connection in progress: its account, its PKCE verifier, and the URL that HubSpot redirects back to."""

    account: str
    verifier: str = field(repr=False)
    redirect_uri: str


class InstallStore:
    """Tickets and states. Every method raises Busy while the database is unavailable."""

    def __init__(self, engine: AsyncEngine, encryption: Encryption) -> None:
        self._engine = engine
        self._encryption = encryption

    async def add_ticket(self, account: str, *, seconds: float) -> str:
        """Return a ticket that connects `account`, within `seconds`."""
        return await self._keep("ticket", account, seconds=seconds)

    async def account_of(self, ticket: str) -> str | None:
        """Return the account of a ticket, which stays valid; None where `take_ticket` would return None."""
        with busy_when_gone():
            async with self._engine.begin() as connection:
                found = await connection.execute(sql.READ_TICKET, {"key": _hashed(ticket)})
                account: str | None = found.scalar_one_or_none()
                return account

    async def take_ticket(self, ticket: str) -> str | None:
        """Return the account of a ticket; None where it was used, is too old, or never existed."""
        row = await self._take("ticket", ticket)
        return None if row is None else row.account

    async def add_state(self, pending: Pending) -> str:
        """Return a state that identifies `pending` while the person is at HubSpot."""
        sealed = self._encryption.encrypt(pending.verifier, _context(pending.account))
        return await self._keep("state", pending.account, sealed, pending.redirect_uri, seconds=LIFE_SECONDS)

    async def take_state(self, state: str) -> Pending | None:
        """Return the connection of a state; None where it is used, too old or unknown. Raises DecryptionFailed."""
        row = await self._take("state", state)
        if row is None:
            return None
        verifier = self._encryption.decrypt(bytes(row.code_verifier), _context(row.account))
        return Pending(row.account, verifier, row.redirect_uri)

    async def _keep(
        self, kind: str, account: str, verifier: bytes | None = None, redirect_uri: str | None = None, *, seconds: float
    ) -> str:
        secret = secrets.token_urlsafe(32)
        values = {"key": _hashed(secret), "kind": kind, "account": account, "seconds": seconds}
        with busy_when_gone():
            async with self._engine.begin() as connection:
                await connection.execute(sql.FORGET_OLD_INSTALLS)
                more = {"code_verifier": verifier, "redirect_uri": redirect_uri}
                await connection.execute(sql.KEEP_INSTALL, values | more)
                made = {"made": kind, "account": account, "seconds": seconds}
                await note(connection, target=account, after=made)
        return secret

    async def _take(self, kind: str, secret: str) -> Row[Any] | None:
        with busy_when_gone():
            async with self._engine.begin() as connection:
                row = (await connection.execute(sql.TAKE_INSTALL, {"key": _hashed(secret), "kind": kind})).one_or_none()
                if row is not None:  # what follows happens at HubSpot, too: this row is there before
                    await note(connection, target=row.account, before={"made": kind}, after={"used": kind})
        return row if row is not None and row.alive else None


def _hashed(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _context(account: str) -> tuple[str, ...]:
    return ("oauth_installs", account, "code_verifier")
