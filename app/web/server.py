"""Run uvicorn on sockets bound beforehand: a port in use is reported clearly, and forked processes share them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import socket
import time
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import uvicorn

from app.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from fastapi import FastAPI

    from app.web.edge import Edge

    Apps: TypeAlias = Mapping["Listener", FastAPI]

GRACEFUL_SECONDS = 10
BACKLOG = 2048
BIND_SECONDS = 3.0
BIND_POLL_SECONDS = 0.05
DATE_SECONDS = 1.0


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, each_second: Callable[[], None]) -> None:
        super().__init__(config)
        self._stopped = asyncio.Event()
        self._each_second = each_second

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to us: uvicorn would raise them again before the worker has finished its enrollments."""
        yield

    async def main_loop(self) -> None:
        """Refresh the Date header every second until `stop`.

        uvicorn's own loop wakes ten times a second to look whether it should end: 1 ms of processor time a second.
        """
        while not await self.on_tick(0):
            self._each_second()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DATE_SECONDS):
                    await self._stopped.wait()

    def stop(self) -> None:
        """Accept no more connections."""
        self.should_exit = True
        self._stopped.set()

    def drain(self) -> None:
        """Close the connections that rest; each other one is closed after its next answer."""
        for connection in list(self.server_state.connections):
            connection.shutdown()


class Listener:
    """One HTTP listener on a socket that `bind` returned; `port` is the one in use, also when 0 was given.

    `protocol` returns the protocol of one connection; uvicorn calls it with its own arguments. `edge` has what all of
    them share, and `each_second` is called once a second while it listens.
    """

    def __init__(
        self,
        bound: socket.socket,
        *,
        protocol: Callable[..., asyncio.Protocol],
        edge: Edge | None = None,
        each_second: Callable[[], None] = lambda: None,
    ) -> None:
        self._protocol = protocol
        self._edge = edge
        self._each_second = each_second
        self._socket = bound
        self.port: int = bound.getsockname()[1]
        self._server: _Server | None = None

    async def serve(self, app: FastAPI) -> None:
        """Serve `app` until `stop`."""
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            date_header=True,
            proxy_headers=False,  # it takes any text for an address: see `access.client_address`
            timeout_graceful_shutdown=GRACEFUL_SECONDS,
            # uvicorn's annotation requires a class, but uvicorn only calls it.
            http=cast("type[asyncio.Protocol]", self._protocol),
            ws="none",
        )
        self._server = _Server(config, self._each_second)
        await self._server.serve(sockets=[self._socket])

    def drain(self) -> None:
        """Keep no connection any longer than its next answer."""
        if self._edge is not None:
            self._edge.draining = True
        if self._server is not None:
            self._server.drain()

    def stop(self) -> None:
        """Accept no more connections; requests under way are answered first."""
        if self._server is not None:
            self._server.stop()


def bind(host: str, port: int, setting: str) -> socket.socket:
    """Return a socket that listens on an address, which forked processes may share. Raises StartError.

    A port in use is tried for a few seconds: the processes of a service that was killed have it until they notice.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise StartError(f"SEGUE_HOST: {host!r} is no address of this machine: {error.strerror or error}") from error
    family, kind, protocol, _, address = found[0]
    listening = socket.socket(family, kind, protocol)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        _bind(listening, address)
    except OSError as error:
        listening.close()
        message = f"{setting}: cannot listen on {host}:{port}: {error.strerror}; stop what uses it, or set another one"
        raise StartError(message) from error
    listening.listen(BACKLOG)
    listening.setblocking(False)  # noqa: FBT003  # the standard library's own signature
    return listening


def _bind(listening: socket.socket, address: Any) -> None:
    deadline = time.monotonic() + BIND_SECONDS
    while True:
        try:
            listening.bind(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise
        else:
            return
        time.sleep(BIND_POLL_SECONDS)


def spare_collector() -> None:
    """Let the garbage collector scan no more what exists now: modules and what was wired live until the end.

    What a request under way holds is freed when its last use ends, as ever; only a cycle of it would stay.
    """
    gc.collect()
    gc.freeze()


async def serve_until(
    apps: Apps, stopping: asyncio.Event, *, started: Callable[[], None], released: asyncio.Event | None = None
) -> None:
    """Serve until `stopping`; then accept no more, and answer the requests under way. `started` is called once.

    With `released`, go on until that: the applications know of `stopping`, and say so to who asks meanwhile.
    """
    spare_collector()
    serving = [asyncio.create_task(listener.serve(app)) for listener, app in apps.items()]
    started()
    await stopping.wait()
    if released is not None:
        for listener in apps:
            listener.drain()
        await released.wait()
    for listener in apps:
        listener.stop()
    await asyncio.gather(*serving)
