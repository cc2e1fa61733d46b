"""The definitions of one account's contact properties: read from HubSpot together, and cached."""

from __future__ import annotations

import asyncio
from types import MappingProxyType
from typing import TYPE_CHECKING

from app.clock import elapsed_seconds
from app.errors import Refusal, SegueError
from app.hubspot.api.properties import contact_properties

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from app.hubspot.api.properties import PropertyDefinition
    from app.hubspot.client import HubSpotClient

    Definitions: TypeAlias = "Mapping[str, PropertyDefinition]"

FRESH_SECONDS = 300.0
# HubSpot is read no more often than this, whatever callers ask for, and also after a failure.
AGAIN_SECONDS = 10.0
NOT_SHOWN = frozenset({403, 404})


async def read_definitions(client: HubSpotClient) -> Definitions:
    """Return the definitions by name. Raises what `HubSpotClient.send` raises."""
    return {one.name: one for one in await client.send(contact_properties())}


class PropertyDefinitions:
    """The definitions of one account, at most five minutes old. `now` returns seconds.

    Concurrent callers wait for the read in progress. Where HubSpot cannot be read, the previous definitions serve. A
    token that may not see them has none, and HubSpot alone judges what is written.
    """

    def __init__(self, client: HubSpotClient, *, now: Callable[[], float] = elapsed_seconds) -> None:
        self._client = client
        self._now = now
        self._turn = asyncio.Lock()
        self._known: Definitions | None = None
        self._read_at = 0.0
        self._tried_at: float | None = None
        self._trouble: SegueError | None = None

    async def current(self, *, oldest: float = FRESH_SECONDS) -> Definitions:
        """Return the definitions, read again where they are older than `oldest` seconds (10 at least).

        Raises what `HubSpotClient.send` raises where they were never read.
        """
        async with self._turn:
            if self._is_due(max(oldest, AGAIN_SECONDS)):
                await self._read()
            if self._known is None:
                raise self._trouble or AssertionError("neither definitions nor the reason why there are none")
            return self._known

    def _is_due(self, oldest: float) -> bool:
        if self._tried_at is not None and self._now() - self._tried_at < AGAIN_SECONDS:
            return False
        return self._known is None or self._now() - self._read_at >= oldest

    async def _read(self) -> None:
        try:
            known = await read_definitions(self._client)
        except SegueError as error:
            self._tried_at = self._now()
            if not (isinstance(error, Refusal) and error.status in NOT_SHOWN):
                self._trouble = error
                return
            known = self._known or MappingProxyType({})
        self._known, self._read_at, self._tried_at = known, self._now(), self._now()
