"""OAuth, put together from the settings: the tokens of accounts that join by it, and the connector for new ones."""

from __future__ import annotations

import os
import random
import secrets
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from app.accounts.tokens import AccountTokens

if TYPE_CHECKING:
    from app.accounts.connect import Connector
    from app.accounts.grant_store import GrantStore
    from app.hubspot.oauth_client import OAuthClient

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OAuth:
    """The OAuth parts of one process."""

    grants: GrantStore
    client: OAuthClient
    connector: Connector
    _name: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}")
    _tokens: dict[str, AccountTokens] = field(default_factory=dict)

    async def token(self, account: str) -> str:
        """Return an access token of an account: see `AccountTokens.token`."""
        return await self._of(account).token()

    def refused(self, account: str, token: str) -> bool:
        """Note that HubSpot has refused a token before its time; return True: another one takes its place."""
        self._of(account).refused(token)
        return True

    def _of(self, account: str) -> AccountTokens:
        if account not in self._tokens:
            self._tokens[account] = AccountTokens(
                account, self.grants, self.client, name=self._name, random=random.random
            )
        return self._tokens[account]

    def changed(self) -> None:
        """Read the stored grants again: an account was connected or disconnected."""
        for tokens in self._tokens.values():
            tokens.changed()

    async def rotate(self) -> None:
        """Encrypt the stored tokens with the newest key."""
        log.info("oauth.rotated", grants=await self.grants.rotate())

    async def release(self) -> None:
        """Release the enrollments that wait for an account that is connected."""
        released = await self.grants.release()
        if released:
            log.info("oauth.released", enrollments=released)

    async def close(self) -> None:
        """Wait for token requests in flight."""
        for tokens in self._tokens.values():
            await tokens.close()
