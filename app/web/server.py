"""Run uvicorn on sockets bound beforehand, so that a port in use is reported clearly; we handle the signals."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
from typing import TYPE_CHECKING, cast

import structlog
import uvicorn

from app.database.engine import STORE_TROUBLE, first_line
from app.errors import RulebookError, StartError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from fastapi import FastAPI

GRACEFUL_SECONDS = 10

log = structlog.get_logger(__name__)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to us: uvicorn would raise them again before the worker has finished its enrollments."""
        yield


class Listener:
    """One HTTP listener. Construction binds the socket; `port` is the one in use, also when 0 was given.

    `protocol` returns the protocol of one connection; uvicorn calls it with its own arguments.
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
            # uvicorn's annotation requires a class, but uvicorn only calls it.
            http=cast("type[asyncio.Protocol]", self._protocol),
            ws="none",
        )
        self._server = _Server(config)
        await self._server.serve(sockets=[self._socket])

    def stop(self) -> None:
        """Accept no more connections; requests under way are answered first."""
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
        message = f"{setting}: cannot listen on {host}:{port}: {error.strerror}; stop what uses it, or set another one"
        raise StartError(message) from error
    listening.listen(2048)
    listening.setblocking(False)  # noqa: FBT003  # the standard library's own signature
    return listening


@contextlib.contextmanager
def _signals(*, stop: Callable[[], None], reload: Callable[[], None]) -> Iterator[None]:
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


async def run_until_stopped(
    apps: Mapping[Listener, FastAPI], stopping: asyncio.Event, *, reload: Callable[[], Awaitable[object]]
) -> None:
    """Serve until SIGTERM or SIGINT, which set `stopping`; SIGHUP reloads the rules."""
    reloads: set[asyncio.Task[None]] = set()

    def stop() -> None:
        log.info("service.stopping")
        stopping.set()

    def reload_soon() -> None:
        task = asyncio.create_task(_reloaded(reload))
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    # Objects that exist now live until the end: the garbage collector need not scan them again.
    gc.collect()
    gc.freeze()
    with _signals(stop=stop, reload=reload_soon):
        serving = [asyncio.create_task(listener.serve(app)) for listener, app in apps.items()]
        log.info("service.started", pid=os.getpid(), ports=[listener.port for listener in apps])
        await stopping.wait()
        for listener in apps:
            listener.stop()
        await asyncio.gather(*serving, *reloads)


async def _reloaded(reload: Callable[[], Awaitable[object]]) -> None:
    """Reload on SIGHUP. The reload logs mistakes in the rules, and the rules in force stay in force."""
    try:
        await reload()
    except RulebookError:
        return
    except STORE_TROUBLE as error:
        log.error("rulebook.not_stored", error=first_line(error))  # noqa: TRY400  # the first line says it
