"""uvicorn under our own roof: sockets bound first, so that a port in use is a clear message; signals handled by us."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from typing import TYPE_CHECKING, cast

import uvicorn

from app.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastapi import FastAPI

GRACEFUL_SECONDS = 10


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to us: uvicorn would raise them again before the worker has finished what is in hand."""
        yield


class Listener:
    """One HTTP listener. Construction binds the socket; `port` is the one in use, also when 0 was asked for.

    `protocol` makes what speaks HTTP on each connection, with uvicorn's own arguments.
    """

    def __init__(self, host: str, port: int, *, setting: str, protocol: Callable[..., asyncio.Protocol]) -> None:
        self._protocol = protocol
        self._socket = _bind(host, port, setting)
        self.port: int = self._socket.getsockname()[1]
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
            timeout_graceful_shutdown=GRACEFUL_SECONDS,
            # uvicorn's type asks for a class, and uvicorn only calls it.
            http=cast("type[asyncio.Protocol]", self._protocol),
            ws="none",
        )
        self._server = _Server(config)
        await self._server.serve(sockets=[self._socket])

    def stop(self) -> None:
        """Accept nothing more; requests in hand are answered first."""
        if self._server is not None:
            self._server.should_exit = True


def _bind(host: str, port: int, setting: str) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise StartError(f"SEGUE_HOST: {host!r} is no address of this machine: {error.strerror or error}") from error
    family, kind, protocol, _, address = found[0]
    listening = socket.socket(family, kind, protocol)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
    except OSError as error:
        listening.close()
        told = f"{setting}: cannot listen on {host}:{port}: {error.strerror}; stop what uses it, or set another one"
        raise StartError(told) from error
    listening.listen(2048)
    listening.setblocking(False)  # noqa: FBT003  # the standard library's own signature
    return listening


@contextlib.contextmanager
def signals(*, stop: Callable[[], None], reload: Callable[[], None]) -> Iterator[None]:
    """Call `stop` on SIGTERM and SIGINT, `reload` on SIGHUP, while the block runs."""
    loop = asyncio.get_running_loop()
    handlers = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: reload}
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)
