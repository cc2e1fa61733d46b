"""The last check before a request's first byte: connection open, permit fresh, caller's `before_send` done."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

from app.clock import elapsed_seconds
from app.errors import StoreSlow

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from app.hubspot.rate_limit import Permit, RateLimit

BEFORE_FIRST_BYTE = "http11.send_request_headers.started"
CONNECTING = "connection.connect_"
CONNECTED = "connection.connect_tcp.complete"
RENEWALS = 5
UNACKNOWLEDGED_MS = 30_000
PERMITS_COME_LATE = "the store takes too long to grant a request its place in HubSpot's window"


def _give_up_soon(stream: Any) -> None:
    """Make the kernel drop bytes that are not acknowledged within 30 s, where it can (Linux).

    By default it resends them for a quarter of an hour, even after we have given up the request, settled it by reading,
    and sent it again.
    """
    raw = stream.get_extra_info("socket")
    if raw is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
        # The event loop's socket object may lack `setsockopt`: a duplicate of its descriptor has it.
        with socket.socket(fileno=os.dup(raw.fileno())) as duplicate:
            duplicate.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)


COMMITS_COME_LATE = "the store takes too long to commit what a request needs before it may be sent"


class PermitExpired(Exception):
    """The permit expired while the request waited for a kept connection. Nothing was sent; the client starts over."""


class FirstByteGuard:
    """Checks one request after it has its connection and before it writes its first byte.

    Our own connections await `ready` and then call `open_now`, with nothing in between; httpx's announce each stage of
    a request to `trace` and wait for it. `opened_at` (seconds, by `elapsed_seconds`) is when bytes may have begun to
    leave; a failure while it is None means that nothing was sent.
    """

    def __init__(
        self,
        rate_limit: RateLimit,
        permit: Permit,
        before_send: Callable[[], Awaitable[None]] | None,
        kind: str = "general",
    ) -> None:
        self.opened_at: float | None = None
        self._rate_limit = rate_limit
        self._permit = permit
        self._before_send = before_send
        self._kind = kind
        self._fresh_connection = False

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Follow one request through httpcore; an error raised here ends it, and the connection is closed."""
        if event.startswith(CONNECTING):
            self._fresh_connection = True
            if event == CONNECTED:
                _give_up_soon(info["return_value"])
        elif event == BEFORE_FIRST_BYTE and info["request"].method != b"CONNECT":
            # A proxy's tunnel is opened first, by CONNECT: that is not our request yet.
            await self.open()

    async def open(self) -> None:
        """Let the request through, once. Raises what `ready` raises."""
        if self.opened_at is None:
            await self.ready()
            self.open_now()

    async def ready(self, *, fresh_connection: bool = False) -> None:
        """Return when the first byte may leave. Raises what `before_send` raises, PermitExpired, or StoreSlow."""
        self._fresh_connection = self._fresh_connection or fresh_connection
        try:
            await self._ready()
        except TimeoutError as error:
            # The store's. Outside, a time-out would be taken for one of HubSpot.
            raise StoreSlow(COMMITS_COME_LATE) from error

    def open_now(self) -> None:
        """Note that the first byte leaves now."""
        self._permit.use()
        self.opened_at = elapsed_seconds()

    async def _ready(self) -> None:
        for _ in range(RENEWALS):
            await self._renew_permit()
            if self._before_send is None:
                return
            await self._before_send()
            # It may have waited for the store: with a permit that expired meanwhile the request would arrive in another
            # window.
            if not self._permit.spent():
                return
        raise StoreSlow(COMMITS_COME_LATE)

    async def _renew_permit(self) -> None:
        # A connection that was just made can wait here for a fresh permit. A kept one might be closed by HubSpot
        # meanwhile: the request gives it up instead.
        for _ in range(RENEWALS):
            if not self._permit.spent():
                return
            if not self._fresh_connection:
                raise PermitExpired
            self._permit = await self._rate_limit.acquire(self._kind, again=True)
        raise StoreSlow(PERMITS_COME_LATE)
