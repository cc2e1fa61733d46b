"""The accounts, and which of them a request is for: each bearer token belongs to one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.sandbox.errors import Refused, expired, missing_scopes, unauthenticated
from app.sandbox.state.account import FIRST_PORTAL, State
from app.sandbox.state.oauth_grants import Grants
from app.sandbox.state.seed import SCOPES

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.sandbox.state.rate_limits import Window
    from app.sandbox.state.settings import Settings
    from app.sandbox.webhooks.client import Courier

READ_ONLY_TOKEN = "pat-sandbox-read"  # noqa: S105  # an emulator's: every scope but the one to enroll
ENROLL_SCOPE = "automation.sequences.enrollments.write"
_FURTHER = "pat-sandbox-"
_NAME = re.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


@dataclass(frozen=True)
class Caller:
    """Who asks: the account, and what the token allows. `refused` where the token is none."""

    state: State
    scopes: frozenset[str] = frozenset()
    oauth: bool = False
    refused: Refused | None = None

    @property
    def window(self) -> Window:
        """The rolling window that its requests count in: an OAuth app has one of its own."""
        return self.state.oauth_window if self.oauth else self.state.window

    def require(self, scope: str) -> None:
        """Raise Refused (401, 403) unless the token is good for `scope`."""
        if self.refused is not None:
            raise self.refused
        if scope not in self.scopes:
            raise missing_scopes(scope)


class Portals:
    """All accounts; the first has no name, the others are made on first use with the settings of the start."""

    def __init__(self, settings: Settings, clock: Callable[[], float], courier: Courier) -> None:
        self._settings = settings.model_copy(deep=True)
        self._clock = clock
        self.courier = courier
        self.grants = Grants()
        self.first = State(settings, clock, grants=self.grants)
        self._states = {"": self.first}

    def all(self) -> list[State]:
        """Return every account that was used."""
        return list(self._states.values())

    def named(self, name: str) -> State | None:
        """Return an account by name; None for what is no name."""
        if name not in self._states and (_NAME.fullmatch(name) is None or _FURTHER + name == READ_ONLY_TOKEN):
            return None
        if name not in self._states:
            settings = self._settings.model_copy(deep=True, update={"token": _FURTHER + name})
            portal_id = FIRST_PORTAL + len(self._states)
            self._states[name] = State(settings, self._clock, portal_id=portal_id, grants=self.grants)
        return self._states[name]

    async def deliver(self, state: State) -> int:
        """Deliver the webhooks of an account that are due; return how many requests were made."""
        state.everybody()
        return await state.outbox.deliver(self.courier, state.clock())

    def caller(self, token: str) -> Caller:
        """Return who a bearer token stands for."""
        access = self.grants.accesses.get(token)
        if access is not None:
            late = expired() if self._clock() >= access.expires_at else None
            return Caller(access.grant.state, frozenset(access.grant.scopes), oauth=True, refused=late)
        state = self._holder(token)
        scopes = frozenset(SCOPES) - ({ENROLL_SCOPE} if token == READ_ONLY_TOKEN else frozenset())
        return Caller(state, scopes) if state else Caller(self.first, refused=unauthenticated())

    def _holder(self, token: str) -> State | None:
        """Return the account of a token that does not expire. A token that was replaced is nobody's."""
        if token == READ_ONLY_TOKEN:
            return self.first
        for state in self.all():
            if state.settings.token == token:
                return state
        name = token.removeprefix(_FURTHER)
        return self.named(name) if name not in {token, ""} and name not in self._states else None
