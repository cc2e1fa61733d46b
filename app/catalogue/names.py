"""The names of an account's sequences and owners, read from HubSpot now and then, so that sentences can use them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.catalogue.cache import Listing
from app.catalogue.listing_store import OWNERS, SEQUENCES, keep_listing, listed_at
from app.catalogue.pages import all_sequences
from app.catalogue.rows import OF_THE_TOKEN, listed_owners, own_user
from app.clock import utc_now
from app.errors import Refusal
from app.jobs import Loop

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.catalogue.rows import Row
    from app.hubspot.client import HubSpotClient

# A start has enrollments to do first, and names change seldom.
FIRST_SECONDS, EVERY_SECONDS, RETRY_SECONDS = 60.0, 6 * 3600.0, 3600.0


class NamesKeeper:
    """Keeps the names of one account, again and again in `loop`; `users` returns its senders, user id to name.

    One of all workers reads: what another has read within six hours is not read again.
    """

    def __init__(
        self, account: str, client: HubSpotClient, engine: AsyncEngine, users: Callable[[], Mapping[str, str]]
    ) -> None:
        self._account, self._client, self._engine, self._users = account, client, engine, users
        self._began = False
        self.loop = Loop(
            self._once,
            every=EVERY_SECONDS,
            store_trouble="names.not_kept",
            trouble="names.not_listed",
            defect="names.defect",
            retry=RETRY_SECONDS,
        )

    async def _once(self) -> float | None:
        if not self._began:
            self._began = True
            return FIRST_SECONDS
        return await self.keep()

    async def keep(self) -> float | None:
        """Read and keep the names where they are old. Return in how many seconds they will be, None for just read.

        Raises what the client raises, and what any statement may.
        """
        read_at = await listed_at(self._engine, self._account, SEQUENCES)
        if read_at is not None and (left := EVERY_SECONDS - (utc_now() - read_at).total_seconds()) > 0:
            return left
        await self._keep(OWNERS, await listed_owners(self._client))
        await self._keep(SEQUENCES, await self._sequences())
        return None

    async def _sequences(self) -> list[Row]:
        """Return the sequences that any of the senders sees. A user whom HubSpot refuses hides no others."""
        found: dict[str, Row] = {}
        for user_id in self._users() or await own_user(self._client):
            try:
                listed = await all_sequences(self._client, user_id)
            except Refusal as refusal:
                if refusal.status in OF_THE_TOKEN:
                    raise
                continue
            found |= {one.id: {"id": one.id, "name": one.name} for one in listed}
        return list(found.values())

    async def _keep(self, what: str, rows: list[Row]) -> None:
        await keep_listing(self._engine, what, Listing(self._account, rows, utc_now()))
