"""A way to the sandbox that counts connections."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.bench.far_database import Pipe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class CountedWay:
    """Passes connections on to `host:port`, and counts them."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._joining: set[asyncio.Task[None]] = set()
        self.connections = 0

    def accept(self) -> Pipe:
        """Return the near end of a new connection."""
        self.connections += 1
        near = Pipe(0)
        task = asyncio.create_task(self._join(near))
        self._joining.add(task)
        task.add_done_callback(self._joining.discard)
        return near

    async def _join(self, near: Pipe) -> None:
        _, far = await asyncio.get_running_loop().create_connection(lambda: Pipe(0), *self._target)
        near.join(far)


@asynccontextmanager
async def counted_way(url: str) -> AsyncIterator[tuple[str, CountedWay]]:
    """Listen on a port of the loopback; yield the URL there that leads to `url`, and what counts."""
    target = urlsplit(url)
    way = CountedWay(str(target.hostname), int(target.port or 80))
    server = await asyncio.get_running_loop().create_server(way.accept, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", way
    finally:
        server.close()
