"""All accounts, and the account that a request is for: each bearer token belongs to one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.sandbox.errors import Refused, expired, missing_scopes, unauthenticated
from app.sandbox.state.account import FIRST_ACCOUNT_ID, Account
from app.sandbox.state.oauth_grants import Grants
from app.sandbox.state.seed import SCOPES

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.sandbox.state.rate_limits import Window
    from app.sandbox.state.settings import Settings
    from app.sandbox.webhooks.client import WebhookClient

READ_ONLY_TOKEN = "pat-sandbox-read"  # noqa: S105  # an emulator's: every scope but the one to enroll
ENROLL_SCOPE = "automation.sequences.enrollments.write"
_NAMED_TOKEN = "pat-sandbox-"  # noqa: S105  # an emulator's: the name of an account follows
_NAME = re.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


@dataclass(frozen=True)
class Caller:
    """The account that a token belongs to, and what the token allows. `refused` is set for an invalid token."""

    account: Account
    scopes: frozenset[str] = frozenset()
    oauth: bool = False
    refused: Refused | None = None

    @property
    def window(self) -> Window:
        """The rolling window that its requests count in: an OAuth app has a window of its own."""
        return self.account.oauth_window if self.oauth else self.account.window

    def require(self, scope: str) -> None:
        """Raise Refused (401, 403) unless the token is valid and has `scope`."""
        if self.refused is not None:
            raise self.refused
        if scope not in self.scopes:
            raise missing_scopes(scope)


class Accounts:
    """All accounts. The first has no name; the others are created on first use with the settings of the start."""

    def __init__(self, settings: Settings, clock: Callable[[], float], client: WebhookClient) -> None:
        self._settings = settings.model_copy(deep=True)
        self._clock = clock
        self.client = client
        self.grants = Grants()
        self._started_at = clock()
        self.first = Account(settings, clock, grants=self.grants, started_at=self._started_at)
        self._by_name = {"": self.first}

    def all(self) -> list[Account]:
        """Return every account that was used."""
        return list(self._by_name.values())

    def named(self, name: str) -> Account | None:
        """Return an account by name; None where `name` cannot be one."""
        if name not in self._by_name and (_NAME.fullmatch(name) is None or _NAMED_TOKEN + name == READ_ONLY_TOKEN):
            return None
        if name not in self._by_name:
            settings = self._settings.model_copy(deep=True, update={"token": _NAMED_TOKEN + name})
            id_ = FIRST_ACCOUNT_ID + len(self._by_name)
            self._by_name[name] = Account(
                settings, self._clock, id_=id_, grants=self.grants, started_at=self._started_at
            )
        return self._by_name[name]

    async def deliver(self, account: Account) -> int:
        """Deliver the webhooks of an account that are due; return how many requests were made."""
        account.contacts()  # brings every contact up to date, which may add webhooks
        return await account.outbox.deliver(self.client, account.clock())

    def caller(self, token: str) -> Caller:
        """Return the account and the scopes of a bearer token."""
        access = self.grants.access_tokens.get(token)
        if access is not None:
            refused = expired() if self._clock() >= access.expires_at else None
            return Caller(access.grant.account, frozenset(access.grant.scopes), oauth=True, refused=refused)
        account = self._holder(token)
        scopes = frozenset(SCOPES) - ({ENROLL_SCOPE} if token == READ_ONLY_TOKEN else frozenset())
        return Caller(account, scopes) if account else Caller(self.first, refused=unauthenticated())

    def _holder(self, token: str) -> Account | None:
        """Return the account of a token that does not expire. A token that was replaced has no account."""
        if token == READ_ONLY_TOKEN:
            return self.first
        for account in self.all():
            if account.settings.token == token:
                return account
        name = token.removeprefix(_NAMED_TOKEN)
        return self.named(name) if name not in {token, ""} and name not in self._by_name else None
