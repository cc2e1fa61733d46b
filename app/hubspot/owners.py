"""The owners of one account, by owner id and by user id: read all together, and cached."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from app.clock import elapsed_seconds
from app.hubspot.api.sequences import list_owners
from app.hubspot.pages import read_pages

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.hubspot.api.sequences import Owner
    from app.hubspot.client import HubSpotClient

FRESH_SECONDS = 600.0
AGAIN_SECONDS = 30.0


class Owners:
    """The owners of one account, at most ten minutes old; for an unknown id they are read again after 30 s.

    `on_refresh` is called when they have been read.
    """

    def __init__(self, client: HubSpotClient, *, on_refresh: Callable[[], None]) -> None:
        self._client = client
        self._on_refresh = on_refresh
        self._known: dict[str, Owner] = {}
        self._read_at: float | None = None
        self._turn = asyncio.Lock()

    async def by_id(self, owner_id: str) -> Owner | None:
        """Return the owner with this owner id. Raises what `HubSpotClient.send` raises."""
        async with self._turn:
            await self._refresh(known=owner_id in self._known)
        return self._known.get(owner_id)

    async def by_user(self, user_id: str) -> Owner | None:
        """Return the owner that is this user. Raises as `by_id` does."""
        async with self._turn:
            await self._refresh(known=self._of_user(user_id) is not None)
        return self._of_user(user_id)

    def _of_user(self, user_id: str) -> Owner | None:
        return next((owner for owner in self._known.values() if owner.user_id == user_id), None)

    async def _refresh(self, *, known: bool) -> None:
        """Read the owners again where they are too old."""
        oldest = FRESH_SECONDS if known else AGAIN_SECONDS
        if self._read_at is None or elapsed_seconds() - self._read_at > oldest:
            await self._read()

    async def _read(self) -> None:
        self._known = {owner.id: owner for owner in await read_pages(self._client, list_owners)}
        self._read_at = elapsed_seconds()
        self._on_refresh()
