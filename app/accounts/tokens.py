"""An account's access token: renewed before it ends, by one replica for all, and never because HubSpot answered 401.

The lock is a lease on the account's row and not a row lock: asking takes as long as HubSpot pleases, and no transaction
stays open meanwhile. It costs little, since a token is renewed a minute before its end: whoever finds the lease taken
goes on with the token there is. Only after an idle time, when that one has ended, does anybody wait for another one.

A process that dies between HubSpot's answer and our commit loses that answer. The lease runs out, the next one asks
with the same refresh token, and tokens given before stay good: HubSpot does not change the refresh token in practice,
and where it ever does, the newest one is what is stored.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import structlog

from app.accounts.sealed import NewTokens
from app.clock import elapsed_seconds
from app.database.engine import first_line
from app.errors import DecryptionFailed, GrantRevoked, HubSpotError, NotConnected, NotSent, OutcomeUnknown, Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.accounts.grant_store import GrantStore
    from app.accounts.sealed import Grant
    from app.hubspot.api.oauth import TokenFacts, Tokens

RENEW_BEFORE_SECONDS = 60.0
JITTER_SECONDS = 30.0  # so that replicas which learnt of a token together do not look for the next one together
LAST_SECONDS = 5.0  # a token is not used in these: its request may be on its way for that long
LEASE_SECONDS = 20.0  # longer than a call may take
PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 300.0
LOOK_SECONDS = 0.2
PATIENCE_SECONDS = 2 * LEASE_SECONDS

log = structlog.get_logger(__name__)


class Asks(Protocol):
    """Who asks HubSpot."""

    async def refresh(self, account: str, refresh_token: str) -> Tokens:
        """Get a new access token. Raises NotSent, OutcomeUnknown, Refusal or GrantRevoked."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A token in this process; both times by `elapsed_seconds`."""

    token: str = field(repr=False)
    renew_at: float
    good_until: float


class AccountTokens:
    """The access token of one account, in the replica called `name`. `random` is uniform in [0, 1)."""

    def __init__(
        self,
        account: str,
        grants: GrantStore,
        client: Asks,
        *,
        name: str,
        random: Callable[[], float],
        elapsed: Callable[[], float] = elapsed_seconds,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._account = account
        self._grants = grants
        self._client = client
        self._name = name
        self._random = random
        self._elapsed = elapsed
        self._wait = wait
        self._held: _Held | None = None
        self._stale = False
        self._looking: asyncio.Task[str] | None = None

    async def token(self) -> str:
        """Return a token that HubSpot takes now.

        Raises NotConnected and GrantRevoked until somebody connects the account, NotSent and Refusal while HubSpot
        gives none, and whatever the store raises. Never OutcomeUnknown: the request for which it is has not left.
        """
        held, now = self._held, self._elapsed()
        if held is None or now >= held.good_until:
            # Shielded: others wait for it too, and who asked first may be told to stop.
            return await asyncio.shield(self._look())
        if now >= held.renew_at:
            self._look()
        return held.token

    def changed(self) -> None:
        """Forget the token in hand: somebody connected or disconnected an account, and the store knows which."""
        self._held = None
        self._stale = True

    async def close(self) -> None:
        """Wait for an answer that is on its way, as long as a call may take, and store it."""
        if self._looking is not None:
            await asyncio.wait([self._looking], timeout=LEASE_SECONDS / 2)
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    def _look(self) -> asyncio.Task[str]:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._obtain(), name=f"token-{self._account}")
            self._looking.add_done_callback(self._looked)
        return self._looking

    def _looked(self, task: asyncio.Task[str]) -> None:
        """Note a failure that perhaps nobody waits for; the token in hand is used on, where it is still good."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.warning("oauth.no_token", account=self._account, kind=type(error).__name__, error=first_line(error))
            if self._held is not None:
                self._held = replace(self._held, renew_at=self._elapsed() + PAUSE_SECONDS)

    async def _obtain(self) -> str:
        """Return the stored token where it is fresh, or take the lease and ask HubSpot, or wait for who has it."""
        until = self._elapsed() + PATIENCE_SECONDS
        while self._elapsed() < until:
            self._stale = False
            grant = await self._read()
            ahead = min(RENEW_BEFORE_SECONDS + JITTER_SECONDS * self._random(), grant.expires_in / 2)
            if grant.seconds_left > ahead:
                return self._keep(grant.access_token, grant.seconds_left, ahead)
            if grant.leased_seconds is None:
                if await self._grants.claim(grant, by=self._name, seconds=LEASE_SECONDS):
                    return await self._renew(grant)
            elif grant.seconds_left > LAST_SECONDS:
                return self._keep(grant.access_token, grant.seconds_left, grant.seconds_left - PAUSE_SECONDS)
            elif grant.leased_by is None:
                raise NotSent(f"HubSpot gave no access token a moment ago: {grant.detail}")
            else:
                await self._wait(LOOK_SECONDS)
        raise NotSent("another replica asks HubSpot for an access token, and has not got one yet")

    async def _read(self) -> Grant:
        again = f"connect it with `segue hubspot install {self._account}`"
        try:
            grant = await self._grants.read(self._account)
        except DecryptionFailed as error:
            self._held = None
            raise NotConnected(f"the tokens of {self._account!r} cannot be read: {error}; put its key back") from error
        if grant is None or not grant.active:
            self._held = None
        if grant is None:
            raise NotConnected(f"nobody has connected the account {self._account!r} to HubSpot: {again}")
        if not grant.active:
            raise GrantRevoked(f"the account {self._account!r} is disconnected: {grant.detail}; {again}")
        return grant

    def _keep(self, token: str, seconds_left: float, ahead: float) -> str:
        """Hold the token, unless somebody connected the account anew since it was read."""
        now = self._elapsed()
        if not self._stale:
            self._held = _Held(token, now + seconds_left - ahead, now + seconds_left - LAST_SECONDS)
        return token

    async def _renew(self, grant: Grant) -> str:
        started = self._elapsed()
        try:
            tokens = await self._client.refresh(self._account, grant.refresh_token)
        except GrantRevoked as error:
            return await self._revoked(grant, error)
        except HubSpotError as error:
            wait = error.retry_after if isinstance(error, Refusal) else None
            seconds = min(wait or PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
            await self._grants.pause(grant, by=self._name, seconds=seconds, detail=str(error))
            if isinstance(error, OutcomeUnknown):
                raise NotSent(f"HubSpot gave no access token: {error}") from error
            raise
        left = tokens.expires_in - (self._elapsed() - started)
        if not await self._grants.renew(grant, new_tokens(tokens, grant.refresh_token, left, tokens.facts)):
            # Ours is as good as theirs, but all replicas go by what is stored.
            return (await self._read()).access_token
        log.info("oauth.renewed", account=self._account, seconds=tokens.expires_in)
        return self._keep(tokens.access_token, left, min(RENEW_BEFORE_SECONDS, tokens.expires_in / 2))

    async def _revoked(self, grant: Grant, error: GrantRevoked) -> str:
        self._held = None
        if not await self._grants.revoke(grant, by=self._name, detail=str(error)):
            raise NotSent("the account was connected anew while HubSpot was asked") from error
        log.error("oauth.revoked", account=self._account, follows="its work is held until it is connected again")
        return (await self._read()).access_token


def new_tokens(tokens: Tokens, refresh_token: str, seconds: float, facts: TokenFacts) -> NewTokens:
    """Return what HubSpot gave for the store; `refresh_token` is the one to keep where it gave none."""
    newest = tokens.refresh_token or refresh_token
    return NewTokens(tokens.access_token, newest, tokens.expires_in, seconds, facts.user_id, facts.scopes)
