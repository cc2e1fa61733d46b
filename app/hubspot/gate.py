"""The last check before a request's first byte: the connection is there, the grant is fresh, the caller agrees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.clock import elapsed_seconds
from app.errors import NotSent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from app.hubspot.pace import Grant, Pace

BEFORE_FIRST_BYTE = "http11.send_request_headers.started"
CONNECTING = "connection.connect_"
RENEWALS = 5


class GrantSpentError(Exception):
    """The grant grew old while a pooled connection was awaited. Nothing was sent; the client starts over."""


class Gate:
    """What one request passes between having its connection and writing its first byte.

    httpcore announces each stage of a request to the `trace` extension and waits for it. `opened_at` (seconds, by
    `elapsed_seconds`) is when bytes may have begun to leave; a failure while it is None means that nothing was sent.
    """

    def __init__(self, pace: Pace, grant: Grant, before_send: Callable[[], Awaitable[None]] | None) -> None:
        self.opened_at: float | None = None
        self._pace = pace
        self._grant = grant
        self._before_send = before_send
        self._fresh_connection = False

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Follow one request through httpcore; an error raised here ends it, and the connection is closed."""
        if event.startswith(CONNECTING):
            self._fresh_connection = True
        elif event == BEFORE_FIRST_BYTE and info["request"].method != b"CONNECT":
            # A proxy is asked for its tunnel first, by CONNECT: that is not our request yet.
            await self.open()

    async def open(self) -> None:
        """Let the request through, once. Raises what `before_send` raises, GrantSpentError, or NotSent."""
        if self.opened_at is not None:
            return
        await self._renew_grant()
        if self._before_send is not None:
            await self._before_send()
        self.opened_at = elapsed_seconds()

    async def _renew_grant(self) -> None:
        # A connection that was just made can wait here for a fresh grant. A pooled one might be closed by HubSpot
        # meanwhile, unnoticed until the bytes are gone: it is given up instead.
        for _ in range(RENEWALS):
            if not self._grant.spent():
                return
            if not self._fresh_connection:
                raise GrantSpentError
            self._grant = await self._pace.acquire()
        raise NotSent("no grant stayed fresh until the request could be sent")
