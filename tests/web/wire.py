"""A server on a port of this machine that notes what reaches its application, and clients that send raw bytes."""

from __future__ import annotations

import asyncio
import re
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from app.observability.metrics import Metrics
from app.web.edge import Edge
from app.web.http_protocol import HttpProtocol
from app.web.limits import Limits
from app.web.server import Listener, bind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.types import Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class Request:
    """What the application was given."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Server:
    """A server with limits. Its application answers 200 `ok`, to `/early` before it reads, to `/held` when it may."""

    metrics: Metrics = field(default_factory=Metrics)
    requests: list[Request] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    held: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    listener: Listener | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["path"] == "/early":
            await answer(send)
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.gone.append(scope["path"])
                return
            body, more = body + message["body"], message["more_body"]
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        self.requests.append(Request(scope["path"], headers, body))
        if scope["path"] == "/held":
            await self.held.wait()
        await answer(send)

    @property
    def connections(self) -> list[Any]:
        """What speaks HTTP on each open connection."""
        assert self.listener is not None
        assert self.listener._server is not None
        return list(self.listener._server.server_state.connections)

    def rejected(self, reason: str) -> float:
        """Return how many requests were rejected for `reason`."""
        labels = {"reason": reason}
        return self.metrics.registry.get_sample_value("segue_requests_rejected_total", labels) or 0.0


async def answer(send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def server(limits: Limits | None = None) -> AsyncIterator[Server]:
    """Run a server with `limits`, the usual ones where there are none."""
    served, limits = Server(), limits or Limits()
    edge = Edge(limits, rejected=served.metrics.request_rejected)
    protocol = partial(HttpProtocol, limits=limits, rejected=served.metrics.request_rejected, edge=edge)
    served.listener = Listener(bind("127.0.0.1", 0, "a test's"), protocol=protocol, edge=edge)
    served.port = served.listener.port
    async with serving(served.listener, served):
        yield served


@asynccontextmanager
async def serving(listener: Listener, app: Any) -> AsyncIterator[None]:
    """Serve `app` while the block runs."""
    task = asyncio.create_task(listener.serve(app))
    try:
        yield
    finally:
        listener.stop()
        await task


class Wire:
    """One connection. A plain socket also hands out what came before the other side cut the connection."""

    def __init__(self, port: int, *, send_buffer: int | None = None) -> None:
        self._socket = socket.socket()
        if send_buffer is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)  # noqa: FBT003  # the standard library's own signature
        self._port = port
        self._came = b""
        self.sent = 0

    async def send(self, data: bytes, *, by: int | None = None) -> bool:
        """Send `data`, `by` so many bytes at a time; return whether the connection took them."""
        loop = asyncio.get_running_loop()
        try:
            if not self.sent:
                await loop.sock_connect(self._socket, ("127.0.0.1", self._port))
            for at in range(0, len(data), by or len(data)):
                piece = data[at : at + (by or len(data))]
                await loop.sock_sendall(self._socket, piece)
                self.sent += len(piece)
        except ConnectionError:
            return False
        return True

    async def connect(self) -> None:
        """Connect, and send nothing."""
        await asyncio.get_running_loop().sock_connect(self._socket, ("127.0.0.1", self._port))

    async def receive(self, until: bytes) -> bytes:
        """Return what comes, up to and including `until`."""
        while until not in self._came:
            piece = await asyncio.get_running_loop().sock_recv(self._socket, 65536)
            assert piece, self._came
            self._came += piece
        head, _, self._came = self._came.partition(until)
        return head + until

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    async def rest(self) -> bytes:
        """Return all that comes before the other side closes the connection."""
        try:
            while piece := await asyncio.get_running_loop().sock_recv(self._socket, 65536):
                self._came += piece
        except ConnectionError:
            pass  # It closed the connection before it had read all that was sent.
        self._socket.close()
        return self._came


async def exchanged(port: int, data: bytes, *, by: int | None = None) -> bytes:
    """Return all that is answered to `data`, on a connection of its own, before the server closes it."""
    wire = Wire(port)
    sending = asyncio.create_task(wire.send(data, by=by))
    await sending
    return await wire.rest()


def statuses(answered: bytes) -> list[int]:
    """Return the status of each response."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answered)]


async def until(condition: Callable[[], bool]) -> None:
    """Let the server go on until a condition holds."""
    while not condition():  # noqa: ASYNC110  # it is asked at every turn of the loop, which no event marks
        await asyncio.sleep(0)
