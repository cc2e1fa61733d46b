"""A load generator small enough not to be what is measured: prepared requests over kept connections, one process."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """Requests per second over `seconds`, and how often each status was answered."""

    per_second: float
    seconds: float
    statuses: dict[int, int]


class _Connection(asyncio.Protocol):
    def __init__(self, requests: deque[bytes], statuses: dict[int, int], done: asyncio.Event) -> None:
        self._requests = requests
        self._statuses = statuses
        self._done = done
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def _next(self) -> None:
        assert self._transport is not None
        if self._requests:
            self._transport.write(self._requests.popleft())
        else:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        if len(body) < length:
            return
        self._buffer = b""
        status = int(head[9:12])
        self._statuses[status] = self._statuses.get(status, 0) + 1
        self._next()

    def connection_lost(self, _: Exception | None) -> None:
        self._done.set()


def prepared(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """Return the bytes of one POST."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


async def load(
    port: int, requests: list[bytes], *, connections: int = 64, at_most_seconds: float | None = None
) -> Measured:
    """Send `requests` as fast as they are answered over `connections` connections, for so long at most."""
    waiting, statuses = deque(requests), dict[int, int]()
    done = [asyncio.Event() for _ in range(connections)]
    loop = asyncio.get_running_loop()
    if at_most_seconds is not None:
        loop.call_later(at_most_seconds, waiting.clear)
    started = time.perf_counter()
    for event in done:
        await loop.create_connection(lambda event=event: _Connection(waiting, statuses, event), "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.gather(*(event.wait() for event in done))
    seconds = time.perf_counter() - started
    return Measured(sum(statuses.values()) / seconds, seconds, statuses)
