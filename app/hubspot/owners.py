"""Owners: who a contact belongs to, and as which user that person sends. Asked for once in a while, all together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from app.clock import elapsed_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.hubspot.api.sequences import Owner
    from app.hubspot.client import HubSpotClient

FRESH_SECONDS = 600.0
AGAIN_SECONDS = 30.0
MAXIMUM_PAGES = 100


class Owners:
    """The owners of one account, at most ten minutes old; who is not among them is looked for again after 30 s.

    `tell` is called when they have been read.
    """

    def __init__(self, client: HubSpotClient, *, tell: Callable[[], None]) -> None:
        self._client = client
        self._tell = tell
        self._known: dict[str, Owner] = {}
        self._read_at: float | None = None
        self._turn = asyncio.Lock()

    @property
    def age(self) -> float | None:
        """How many seconds ago they were read, None before the first time."""
        return None if self._read_at is None else elapsed_seconds() - self._read_at

    async def by_id(self, identity: str) -> Owner | None:
        """Return the owner with this owner id. Raises NotSent, OutcomeUnknown, Refusal, or what pacing raises."""
        async with self._turn:
            if self._old(FRESH_SECONDS) or (identity not in self._known and self._old(AGAIN_SECONDS)):
                await self._read()
        return self._known.get(identity)

    async def by_user(self, user_id: str) -> Owner | None:
        """Return the owner that is this user."""
        async with self._turn:
            known = any(owner.user_id == user_id for owner in self._known.values())
            if self._old(FRESH_SECONDS) or (not known and self._old(AGAIN_SECONDS)):
                await self._read()
        return next((owner for owner in self._known.values() if owner.user_id == user_id), None)

    def _old(self, seconds: float) -> bool:
        return self.age is None or self.age > seconds

    async def _read(self) -> None:
        found: dict[str, Owner] = {}
        after: str | None = None
        for _ in range(MAXIMUM_PAGES):
            page = await self._client.list_owners(after)
            found |= {owner.id: owner for owner in page.owners}
            after = page.after
            if after is None:
                break
        self._known, self._read_at = found, elapsed_seconds()
        self._tell()
