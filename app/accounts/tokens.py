"""An account's access token: one replica renews it for all, before it ends, or once HubSpot has refused it.

The lock is a lease on the account's row, not a row lock: a request to HubSpot may take long, and no transaction stays
open meanwhile. This costs little, because a token is renewed a minute before its end: a replica that finds the lease
taken uses the current token. Only after an idle time, when that token has ended, must a replica wait for a new one.

A token that HubSpot refuses (401) before its time counts as ended in the replica that learns it. The replica takes what
another one has stored meanwhile, else renews. A token that was issued less than a minute ago is not renewed again: the
account then counts as not connected, and HubSpot is asked for one token a minute at most.

A process that dies between HubSpot's answer and our commit loses that answer. The lease runs out, the next replica
requests again with the same refresh token, and earlier tokens stay valid: HubSpot does not change the refresh token in
practice, and if it does, the newest one is stored.
"""

from __future__ import annotations

import asyncio
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import TYPE_CHECKING

import structlog

from app.clock import elapsed_seconds
from app.database.engine import first_line
from app.errors import DecryptionFailed, GrantRevoked, HubSpotError, NotConnected, NotSent, OutcomeUnknown, Refusal
from app.hubspot.api.oauth import refresh

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.accounts.grant_store import GrantStore
    from app.accounts.sealed import Grant
    from app.hubspot.oauth_client import OAuthClient

RENEW_BEFORE_SECONDS = 60.0
JITTER_SECONDS = 30.0  # spreads the renewals of replicas that read a token at the same time
LAST_SECONDS = 5.0  # before its end a token is not used: a request may travel for that long
LEASE_SECONDS = 20.0  # longer than a call may take
PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 300.0
POLL_SECONDS = 0.2
PATIENCE_SECONDS = 2 * LEASE_SECONDS
YOUNG_SECONDS = 60.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Held:
    """A token in this process; both times by `elapsed_seconds`."""

    token: str = field(repr=False)
    renew_at: float
    good_until: float


@dataclass(slots=True)
class AccountTokens:
    """The access token of one account, in the replica called `name`. `random` is uniform in [0, 1)."""

    account: str
    grants: GrantStore
    client: OAuthClient
    _: KW_ONLY
    name: str
    random: Callable[[], float]
    elapsed: Callable[[], float] = elapsed_seconds
    wait: Callable[[float], Awaitable[None]] = asyncio.sleep
    _held: _Held | None = field(default=None, init=False)
    _stale: bool = field(default=False, init=False)
    _refused: str | None = field(default=None, init=False, repr=False)
    _task: asyncio.Task[str] | None = field(default=None, init=False)

    async def token(self) -> str:
        """Return a token that is valid now.

        Raises NotConnected and GrantRevoked until the account is connected, NotSent and Refusal while HubSpot issues
        none, and what the database driver raises. Never OutcomeUnknown: the request that needs the token has not left.
        """
        held, now = self._held, self.elapsed()
        if held is None or now >= held.good_until:
            # Shielded: other tasks await the same result, and the first caller may be cancelled.
            return await asyncio.shield(self._obtain_once())
        if now >= held.renew_at:
            self._obtain_once()
        return held.token

    def changed(self) -> None:
        """Drop the token in memory: an account was connected or disconnected, and the store knows which."""
        self._held = None
        self._stale = True

    def refused(self, token: str) -> None:
        """Treat `token` as ended: HubSpot has refused it. The next caller of `token` gets another one."""
        self._refused = token
        if self._held is not None and self._held.token == token:
            self._held = None

    async def close(self) -> None:
        """Wait for a request in flight, as long as a call may take, and store its answer."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=LEASE_SECONDS / 2)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _obtain_once(self) -> asyncio.Task[str]:
        """Return the task that obtains a token; one runs at a time."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._obtain(), name=f"token-{self.account}")
            self._task.add_done_callback(self._obtained)
        return self._task

    def _obtained(self, task: asyncio.Task[str]) -> None:
        """Log a failure, which may have no waiting caller. A token in memory is used on while it is valid."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.warning("oauth.no_token", account=self.account, kind=type(error).__name__, error=first_line(error))
            if self._held is not None:
                self._held = replace(self._held, renew_at=self.elapsed() + PAUSE_SECONDS)

    async def _obtain(self) -> str:
        """Return the stored token where it is fresh, else take the lease and renew it, or wait for its holder."""
        until = self.elapsed() + PATIENCE_SECONDS
        while self.elapsed() < until:
            self._stale = False
            grant = self._without_refused(await self._read())
            ahead = min(RENEW_BEFORE_SECONDS + JITTER_SECONDS * self.random(), grant.expires_in / 2)
            if grant.seconds_left > ahead:
                return self._keep(grant.access_token, grant.seconds_left, ahead)
            if grant.leased_seconds is None:
                if await self.grants.claim(grant, by=self.name, seconds=LEASE_SECONDS):
                    return await self._renew(grant)
            elif grant.seconds_left > LAST_SECONDS:
                return self._keep(grant.access_token, grant.seconds_left, grant.seconds_left - PAUSE_SECONDS)
            elif grant.leased_by is None:
                raise NotSent(f"HubSpot gave no access token a moment ago: {grant.detail}")
            else:
                await self.wait(POLL_SECONDS)
        raise NotSent("another replica asks HubSpot for an access token, and has not got one yet")

    def _without_refused(self, grant: Grant) -> Grant:
        """Return the grant, its token ended where HubSpot has refused it. Raises NotConnected for a young token."""
        if grant.access_token != self._refused:
            return grant
        age = grant.expires_in - grant.seconds_left
        if age < YOUNG_SECONDS:
            raise NotConnected(
                f"HubSpot refuses the access token of {self.account!r} that it issued {age:.0f} s ago; "
                f"if that goes on, connect the account again with `segue hubspot install {self.account}`"
            )
        return replace(grant, seconds_left=0.0)

    async def _read(self) -> Grant:
        again = f"connect it with `segue hubspot install {self.account}`"
        try:
            grant = await self.grants.read(self.account)
        except DecryptionFailed as error:
            self._held = None
            raise NotConnected(f"the tokens of {self.account!r} cannot be read: {error}; put its key back") from error
        if grant is None or not grant.active:
            self._held = None
        if grant is None:
            raise NotConnected(f"no person has connected the account {self.account!r} to HubSpot: {again}")
        if not grant.active:
            raise GrantRevoked(f"the account {self.account!r} is disconnected: {grant.detail}; {again}")
        return grant

    def _keep(self, token: str, seconds_left: float, ahead: float) -> str:
        """Keep the token in memory, unless the account was connected anew since it was read."""
        now = self.elapsed()
        if not self._stale:
            self._held = _Held(token, now + seconds_left - ahead, now + seconds_left - LAST_SECONDS)
        return token

    async def _renew(self, grant: Grant) -> str:
        started = self.elapsed()
        try:
            tokens = await self.client.send(self.account, refresh(self.client.app, grant.refresh_token))
        except GrantRevoked as error:
            return await self._revoked(grant, error)
        except HubSpotError as error:
            wait = error.retry_after if isinstance(error, Refusal) else None
            seconds = min(wait or PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
            await self.grants.pause(grant, by=self.name, seconds=seconds, detail=str(error))
            if isinstance(error, OutcomeUnknown):
                raise NotSent(f"HubSpot gave no access token: {error}") from error
            raise
        left = tokens.expires_in - (self.elapsed() - started)
        if not await self.grants.renew(grant, tokens, seconds=left):
            # Our token is as good as the stored one, but all replicas use the stored one.
            return (await self._read()).access_token
        log.info("oauth.renewed", account=self.account, seconds=tokens.expires_in)
        return self._keep(tokens.access_token, left, min(RENEW_BEFORE_SECONDS, tokens.expires_in / 2))

    async def _revoked(self, grant: Grant, error: GrantRevoked) -> str:
        self._held = None
        if not await self.grants.revoke(grant, by=self.name, detail=str(error)):
            raise NotSent("the account was connected anew while HubSpot was asked") from error
        log.error("oauth.revoked", account=self.account, follows="its work is held until it is connected again")
        return (await self._read()).access_token
