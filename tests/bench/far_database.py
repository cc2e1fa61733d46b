"""A way to a database that is some milliseconds away: `python -m tests.bench.far_database SOCKET MILLISECONDS`.

Prints the port on the loopback. Each chunk of bytes arrives so many milliseconds later, in either direction.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress


class Pipe(asyncio.Protocol):
    """One end of a connection; what it receives leaves at the other end after the delay, in order."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._loop = asyncio.get_running_loop()
        self._early: list[bytes] = []
        self.transport: asyncio.Transport | None = None
        self.other: Pipe | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._loop.call_later(self._delay, self._pass_on, data)

    def connection_lost(self, _: Exception | None) -> None:
        self._loop.call_later(self._delay, self._close_other)

    def _pass_on(self, data: bytes) -> None:
        if self.other is None or self.other.transport is None:
            self._early.append(data)
        else:
            self.other.transport.write(data)

    def _close_other(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()

    def join(self, other: Pipe) -> None:
        """Connect both ends; what has come already is passed on."""
        self.other, other.other = other, self
        for data in self._early:
            self._pass_on(data)
        self._early.clear()


async def serve(socket_path: str, delay: float) -> None:
    """Serve until killed."""
    loop = asyncio.get_running_loop()
    joining: set[asyncio.Task[None]] = set()

    def accept() -> Pipe:
        near = Pipe(delay)

        async def join() -> None:
            _, far = await loop.create_unix_connection(lambda: Pipe(delay), socket_path)
            near.join(far)

        task = asyncio.create_task(join())
        joining.add(task)
        task.add_done_callback(joining.discard)
        return near

    server = await loop.create_server(accept, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201  # the caller reads it
    await server.serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(sys.argv[1], float(sys.argv[2]) / 1000))
