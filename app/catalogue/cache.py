"""HubSpot's sequences and owners for operators: cached, and always shown with their age."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import structlog

from app.catalogue.rows import listed_owners, listed_sequences
from app.clock import elapsed_seconds, utc_now
from app.database.engine import STORE_TROUBLE, busy_when_gone, first_line
from app.errors import Busy, HeldError, HubSpotError, Refusal, StartError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from app.catalogue.rows import Row
    from app.hubspot.client import HubSpotClient
    from app.model import Account
    from app.rules.rulebook import Rulebook

FRESH_SECONDS = 600
# HubSpot is read no more often than this, whatever callers ask for, and also after a refusal.
AGAIN_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Listing:
    """What HubSpot listed at `read_at`, `age_seconds` ago; `trouble` says why there is nothing newer.

    `unlisted` holds the senders for which HubSpot lists nothing, each with the reason.
    """

    account: str
    items: Sequence[Row]
    read_at: datetime
    unlisted: Mapping[str, str] = field(default_factory=dict)
    age_seconds: float = 0.0
    trouble: str | None = None


Read: TypeAlias = "Callable[[], Awaitable[tuple[Sequence[Row], Mapping[str, str]]]]"
Keep: TypeAlias = "Callable[[str, Listing], Awaitable[None]]"

log = structlog.get_logger(__name__)


async def keep_nothing(_what: str, _listing: Listing) -> None:
    """Keep a listing in this process alone."""


class CachedListing:
    """One cached listing of one account. Concurrent callers wait for the refresh in progress.

    `keep` gets each listing that was read.
    """

    def __init__(self, account: str, elapsed: Callable[[], float], keep: Callable[[Listing], Awaitable[None]]) -> None:
        self._account = account
        self._elapsed = elapsed
        self._keep = keep
        self._turn = asyncio.Lock()
        self._listing: Listing | None = None
        self._asked_at: float | None = None
        self._read_at = 0.0
        self._trouble: str | None = None

    async def listing(self, read: Read, *, max_age: float) -> Listing:
        """Return the listing, read again where it is older than `max_age` seconds. Raises Busy where there is none."""
        async with self._turn:
            if self._listing is None or self._elapsed() - self._read_at > max_age:
                await self._refresh(read)
            if self._listing is None:
                detail = f"nothing is known yet of the account {self._account!r}: {self._trouble}"
                raise Busy("hubspot_unavailable", detail, retry_after=AGAIN_SECONDS)
            return replace(self._listing, age_seconds=self._elapsed() - self._read_at, trouble=self._trouble)

    async def _refresh(self, read: Read) -> None:
        now = self._elapsed()
        if self._asked_at is not None and now - self._asked_at < AGAIN_SECONDS:
            return
        self._asked_at = now
        try:
            with busy_when_gone():
                rows, unlisted = await read()
        except (HubSpotError, HeldError, StartError) as error:
            self._trouble = str(error)
            return
        self._listing, self._trouble = Listing(self._account, rows, utc_now(), unlisted), None
        self._read_at = self._elapsed()
        try:
            await self._keep(self._listing)
        except STORE_TROUBLE as error:  # the listing is shown all the same
            log.warning("catalogue.not_kept", account=self._account, error=first_line(error))


class Catalogue:
    """The sequences and owners of the accounts in force; every method raises Busy where it has no listing.

    `client` opens the HubSpot client of an account; it is called once for each account. `keep` keeps what was listed
    for other processes.
    """

    def __init__(
        self,
        client: Callable[[Account], Awaitable[HubSpotClient]],
        rulebook: Callable[[], Rulebook | None],
        *,
        elapsed: Callable[[], float] = elapsed_seconds,
        keep: Keep = keep_nothing,
    ) -> None:
        self._client = client
        self._keep = keep
        self._elapsed = elapsed
        self._rulebook = rulebook
        self._clients: dict[str, HubSpotClient] = {}
        self._opening = asyncio.Lock()
        self._cached: dict[tuple[str, str], tuple[object, CachedListing]] = {}

    async def sequences(self, account: str | None, *, max_age: float) -> Listing | None:
        """Return the sequences that the senders of the rules may send; None where the rules have no such account."""
        rulebook = self._rulebook()
        found = rulebook and rulebook.resolve_account(account)
        if not rulebook or not found:
            return None
        users = {sender.user_id: sender.name for sender in rulebook.senders.values()}

        async def read() -> tuple[Sequence[Row], Mapping[str, str]]:
            rows, refused = await listed_sequences(await self._client_of(found), users)
            return rows, {name: str(refusal) for name, refusal in refused.items()}

        return await self._cached_listing(found, "sequences", users).listing(read, max_age=max_age)

    async def owners(self, account: str | None, *, max_age: float) -> Listing | None:
        """Return the owners with their two ids; None where the rules have no such account."""
        rulebook = self._rulebook()
        found = rulebook and rulebook.resolve_account(account)
        if not found:
            return None

        async def read() -> tuple[Sequence[Row], Mapping[str, str]]:
            return await listed_owners(await self._client_of(found)), {}

        return await self._cached_listing(found, "owners", None).listing(read, max_age=max_age)

    async def live(self, account: str | None, read: Callable[[HubSpotClient, Rulebook], Awaitable[Row]]) -> Row | None:
        """Return what `read` gets from HubSpot now, with account and time; None where the rules have no such account.

        Raises Busy where HubSpot gives no answer, and the Refusal where it refuses.
        """
        rulebook = self._rulebook()
        found = rulebook and rulebook.resolve_account(account)
        if not rulebook or not found:
            return None
        try:
            with busy_when_gone():
                row = await read(await self._client_of(found), rulebook)
        except Refusal:
            raise
        except (HubSpotError, HeldError, StartError) as error:
            raise Busy("hubspot_unavailable", str(error), retry_after=AGAIN_SECONDS) from error
        return {"account": found.name, "read_at": utc_now(), **row}

    def _cached_listing(self, account: Account, what: str, users: object) -> CachedListing:
        """Return the cached listing. One for other users is dropped: it answers another question."""
        kept = self._cached.get((account.name, what))
        if kept is None or kept[0] != users:
            kept = self._cached[account.name, what] = (
                users,
                CachedListing(account.name, self._elapsed, partial(self._keep, what)),
            )
        return kept[1]

    async def _client_of(self, account: Account) -> HubSpotClient:
        async with self._opening:
            if account.name not in self._clients:
                self._clients[account.name] = await self._client(account)
            return self._clients[account.name]
