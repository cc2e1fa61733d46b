"""One HTTP/1.1 connection: a request goes out whole, and its reply is read. Errors are those of httpx.

httpx's own connections (httpcore, h11) need about 350 us of processor time a request, this one 25 us.
"""

from __future__ import annotations

import asyncio
import select
import socket
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import httpx

from app.hubspot.answer import Answer
from app.hubspot.first_byte import UNACKNOWLEDGED_MS

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

# An address that does not answer must not use up the time of those after it.
ADDRESS_SECONDS = 2.5


async def connect(
    host: str, port: int, tls: ssl.SSLContext | None, *, seconds: float | None, lost: Callable[[Connection], None]
) -> Connection:
    """Open a connection within so many seconds. Raises httpx.ConnectError or ConnectTimeout.

    `lost` receives the connection when it is closed, by either side.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(seconds):
            raw = await _open_socket(host, port)
            name = host if tls else None
            _, connection = await loop.create_connection(
                lambda: Connection(lost), sock=raw, ssl=tls, server_hostname=name
            )
    except TimeoutError as error:
        raise httpx.ConnectTimeout("no connection in time") from error
    except OSError as error:
        raise httpx.ConnectError(f"no connection: {type(error).__name__}") from error
    return connection


async def _open_socket(host: str, port: int) -> socket.socket:
    """Connect to the first address that answers; IPv6 and IPv4 take turns. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    preferred = [each for each in found if each[0] == found[0][0]]
    others = [each for each in found if each[0] != found[0][0]]
    addresses = [each for pair in zip_longest(preferred, others) for each in pair if each]
    for family, kind, protocol, _, address in addresses[:-1]:
        try:
            async with asyncio.timeout(ADDRESS_SECONDS):
                return await _socket_to(family, kind, protocol, address)
        except OSError:  # TimeoutError is one: the next address is tried
            continue
    family, kind, protocol, _, address = addresses[-1]
    return await _socket_to(family, kind, protocol, address)


async def _socket_to(family: int, kind: int, protocol: int, address: Any) -> socket.socket:
    raw = socket.socket(family, kind, protocol)
    try:
        raw.setblocking(False)  # noqa: FBT003  # the library's signature
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
        await asyncio.get_running_loop().sock_connect(raw, address)
    except BaseException:
        raw.close()
        raise
    return raw


class Connection(asyncio.Protocol):
    """One connection. It takes a request only after the reply to the one before.

    `used_at` is for its owner: when the last reply came, in seconds of the owner's clock.
    """

    def __init__(self, lost: Callable[[Connection], None]) -> None:
        self.used_at = 0.0
        self._lost = lost
        self._closed = False
        self._ended = asyncio.get_running_loop().create_future()
        self._answer: Answer | None = None
        self._done: asyncio.Future[Answer] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._seconds: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvloop calls it
        """Begin."""
        self._transport = transport
        self._poll: Any = select.poll() if hasattr(select, "poll") else None
        if self._poll:
            self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def is_usable(self) -> bool:
        """Return whether a request may be written now: the other side has not closed, as far as is known here.

        The kernel is asked too: the event loop notices an end only when it comes round.
        """
        return not self.is_closed() and not (self._poll and self._poll.poll(0))

    def is_closed(self) -> bool:
        """Return whether the event loop knows that the connection is closed, or is being closed."""
        return self._closed or self._transport.is_closing()

    def close(self) -> None:
        """Close the connection; a reply that is awaited fails."""
        self._closed = True
        self._transport.abort()

    async def wait_closed(self) -> None:
        """Return when the connection has ended."""
        await asyncio.shield(self._ended)

    async def exchange(self, request: bytes, seconds: float | None) -> Answer:
        """Write a request and return its reply, each piece of it within so many seconds after the one before.

        Raises httpx.ReadTimeout, ReadError or RemoteProtocolError. After an error the connection is closed.
        """
        self._answer, self._seconds = Answer(), seconds
        self._done = asyncio.get_running_loop().create_future()
        try:
            self._transport.write(request)
            self._wait_for_more()
            answer = await self._done
        except BaseException:
            self.close()
            raise
        finally:
            self._answer = self._done = None
            self._stop_waiting()
        if not answer.reusable:
            self.close()
        return answer

    def data_received(self, data: bytes) -> None:
        """Read a piece of the reply; whatever comes unasked ends the connection."""
        if self._answer is None or self._done is None or self._done.done():
            self.close()
            return
        try:
            self._answer.feed(data)
        except httpx.RemoteProtocolError as error:
            self._done.set_exception(error)
            return
        if self._answer.complete:
            self._done.set_result(self._answer)
        else:
            self._wait_for_more()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the reply that is awaited: complete, where its end is the connection's, else with an error."""
        self._closed = True
        if self._answer is not None and self._done is not None and not self._done.done():
            if exc is None:
                self._answer.end()
            if self._answer.complete:
                self._answer.reusable = False
                self._done.set_result(self._answer)
            else:
                self._done.set_exception(httpx.ReadError("the connection was closed before the end of the reply"))
        self._ended.set_result(None)
        self._lost(self)

    def _wait_for_more(self) -> None:
        self._stop_waiting()
        if self._seconds is not None:
            self._deadline = asyncio.get_running_loop().call_later(self._seconds, self._give_up)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()

    def _give_up(self) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(httpx.ReadTimeout("no reply in time"))
