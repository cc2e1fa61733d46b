"""The connections of one account to HubSpot, kept and used again: a transport of httpx."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING
from urllib.request import getproxies

import httpx

from app.clock import elapsed_seconds
from app.hubspot.http11 import Connection, connect
from app.tls import tls_context

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    from app.hubspot.first_byte import FirstByteGuard

# For connections through a proxy. Idle ones are dropped after 4 s: many servers close theirs after 5 s, and the outcome
# of a request is unknown where its connection is closed while it is written.
LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=100, keepalive_expiry=4.0)
MOST = 100  # requests on their way at once
# HubSpot's window of 10 s is often used up in its first seconds: the connections wait for the next one. How long
# HubSpot keeps idle connections is not documented. Where it closes them earlier, they are given up a second before
# that, as learned from the first one; many servers close theirs after 5 s.
IDLE_SECONDS = 30.0
SHORTEST_IDLE_SECONDS, MARGIN_SECONDS = 4.0, 1.0


class Connections(httpx.AsyncBaseTransport):
    """Connections to the origin of `base_url`. `now` returns seconds.

    The one used last is used first: the few that are needed stay open, and the others expire. A request has its
    `FirstByteGuard` in the extension `first_byte`. What the guard raises leaves the connection open for others, because
    nothing was written.
    """

    def __init__(
        self,
        base_url: httpx.URL,
        tls: ssl.SSLContext,
        *,
        most: int = MOST,
        now: Callable[[], float] = elapsed_seconds,
    ) -> None:
        self._host = base_url.raw_host.decode("ascii")
        tls.set_alpn_protocols(["http/1.1"])
        self._tls = tls if base_url.scheme == "https" else None
        self._port = base_url.port or (443 if self._tls else 80)
        self._now = now
        self._room = asyncio.Semaphore(most)
        self._idle: deque[Connection] = deque()  # the one used last is the last
        self._idle_seconds = IDLE_SECONDS
        self._closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its reply. Raises httpx.TransportError, or what the guard raises."""
        guard: FirstByteGuard = request.extensions["first_byte"]
        seconds: Mapping[str, float | None] = request.extensions["timeout"]
        written = _as_bytes(request, await request.aread())
        await self._take_room(seconds["pool"])
        try:
            connection = await self._ready_connection(guard, seconds["connect"])
            guard.open_now()
            answer = await connection.exchange(written, seconds["read"])
            connection.used_at = self._now()
            self._keep(connection)
        finally:
            self._room.release()
        return httpx.Response(answer.status, headers=answer.headers, stream=httpx.ByteStream(bytes(answer.body)))

    async def aclose(self) -> None:
        """Close what is idle; connections in use are closed after their reply."""
        self._closed = True
        idle = [*self._idle]
        self._idle.clear()
        for connection in idle:
            connection.close()
        await asyncio.gather(*(connection.wait_closed() for connection in idle))

    async def _take_room(self, seconds: float | None) -> None:
        if self._closed:
            raise RuntimeError("the connections are closed")
        if not self._room.locked():
            await self._room.acquire()
            return
        try:
            async with asyncio.timeout(seconds):
                await self._room.acquire()
        except TimeoutError as error:
            raise httpx.PoolTimeout("too many requests on their way") from error

    async def _ready_connection(self, guard: FirstByteGuard, connect_seconds: float | None) -> Connection:
        """Return an open connection for a request that may leave at once."""
        connection, fresh = self._warm(), False
        while True:
            if connection is None:
                connection, fresh = await self._connect(connect_seconds), True
            try:
                await guard.ready(fresh_connection=fresh)
                if connection.is_usable():
                    return connection
                # Something has come while the guard waited: the end, or a ticket of a TLS session, which follows the
                # handshake. The event loop reads it, and the guard is asked again.
                await asyncio.sleep(0)
            except BaseException:
                self._keep(connection)
                raise
            if connection.is_closed():
                if fresh:
                    raise httpx.ConnectError("the connection was closed before the first byte")
                connection = self._warm()

    async def _connect(self, seconds: float | None) -> Connection:
        connection = await connect(self._host, self._port, self._tls, seconds=seconds, lost=self._forget)
        connection.used_at = self._now()
        return connection

    def _warm(self) -> Connection | None:
        """Return the idle connection that was used last, None where there is none; close those that are too old."""
        oldest = self._now() - self._idle_seconds
        while self._idle and self._idle[0].used_at < oldest:
            self._idle.popleft().close()
        while self._idle:
            connection = self._idle.pop()
            # One that a request was not sent on may be older than those before it.
            if connection.used_at >= oldest and connection.is_usable():
                return connection
            connection.close()
        return None

    def _keep(self, connection: Connection) -> None:
        """Keep a connection for the next request, unless it is or must be closed."""
        if self._closed or not connection.is_usable():
            connection.close()
        else:
            self._idle.append(connection)

    def _forget(self, connection: Connection) -> None:
        """Forget a connection that was closed; where it was idle, learn how long the far end keeps idle ones."""
        if connection in self._idle:
            self._idle.remove(connection)
            idle = self._now() - connection.used_at - MARGIN_SECONDS
            self._idle_seconds = min(self._idle_seconds, max(idle, SHORTEST_IDLE_SECONDS))


def _as_bytes(request: httpx.Request, body: bytes) -> bytes:
    """Return a request as it is written. Raises httpx.LocalProtocolError for a header that would end early."""
    lines = [b"%b %b HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path)]
    lines += [b"%b: %b" % header for header in request.headers.raw]
    head = b"\r\n".join(lines)
    if head.count(b"\n") != len(lines) - 1 or head.count(b"\r") != len(lines) - 1:
        raise httpx.LocalProtocolError("a header has a line break")
    return b"%b\r\n\r\n%b" % (head, body)


class ProxiedConnections(httpx.AsyncBaseTransport):
    """httpx's client as a transport: it decides by the environment which hosts are reached through a proxy."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._http = httpx.AsyncClient(verify=tls, limits=LIMITS, http2=False, follow_redirects=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its reply."""
        return await self._http.send(request)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()


# Transports that let the guard wait until the connection is open.
ANNOUNCING = (Connections, ProxiedConnections, httpx.AsyncHTTPTransport)


def open_transport(base_url: str) -> httpx.AsyncBaseTransport:
    """Return connections to HubSpot: our own, or httpx's where the environment names a proxy."""
    if getproxies().keys() & {"http", "https", "all"}:
        return ProxiedConnections(tls_context())
    return Connections(httpx.URL(base_url), tls_context())
