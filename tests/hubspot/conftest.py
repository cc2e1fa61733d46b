"""Stand-ins for the far end: a rate limit that gives scripted permits, and a server of raw bytes on the loopback."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from app.hubspot.client import HubSpotClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import httpx

    from app.hubspot.client import CallRecord


@dataclass
class ScriptedPermit:
    is_spent: bool
    used: int = 0

    def spent(self) -> bool:
        return self.is_spent

    def use(self) -> None:
        self.used += 1


@dataclass
class ScriptedRateLimit:
    """Gives `spent_first` spent permits, then fresh ones, and records its calls."""

    spent_first: int = 0
    acquired: int = 0
    adopted: list[tuple[int, int]] = field(default_factory=list)
    throttles: list[tuple[str, float | None]] = field(default_factory=list)
    error: Exception | None = None
    permits: list[ScriptedPermit] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    again: list[bool] = field(default_factory=list)

    async def acquire(self, kind: str = "general", *, again: bool = False) -> ScriptedPermit:
        self.kinds.append(kind)
        self.again.append(again)
        if self.error:
            raise self.error
        self.acquired += 1
        self.spent_first -= 1
        self.permits.append(ScriptedPermit(self.spent_first >= 0))
        return self.permits[-1]

    def adopt_limit(self, maximum: int, interval_ms: int) -> None:
        self.adopted.append((maximum, interval_ms))

    def throttled(self, code: str, retry_after: float | None) -> None:
        self.throttles.append((code, retry_after))


@dataclass
class FarEnd:
    """Answers whole requests with the next of `answers` (None: never), and notes every byte and connection."""

    url: str = ""
    address: tuple[str, int] = ("", 0)
    received: bytes = b""
    requests: int = 0
    connections: int = 0
    answers: deque[bytes | None] = field(default_factory=deque)
    close_after_answer: bool = False
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    disconnected: asyncio.Event = field(default_factory=asyncio.Event)
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.add(writer)
        self.connected.set()
        try:
            await self._answer(reader, writer)
        finally:
            self.writers.discard(writer)
            writer.close()
            self.disconnected.set()

    async def close_connections(self) -> None:
        """End all connections; return when the other side has noticed and ended them too."""
        self.disconnected.clear()
        for writer in self.writers:
            writer.write_eof()
        await self.disconnected.wait()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        unread = b""
        while chunk := await reader.read(65536):
            self.received += chunk
            unread += chunk
            if not whole(unread):
                continue
            unread, self.requests = b"", self.requests + 1
            self.asked.set()
            answer = self.answers.popleft()
            if answer is not None:
                writer.write(answer)
                await writer.drain()
            if self.close_after_answer:
                break


def whole(request: bytes) -> bool:
    head, separator, body = request.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return bool(separator) and len(body) >= (int(lengths[0].split(b":")[1]) if lengths else 0)


@pytest.fixture
def rate_limit() -> ScriptedRateLimit:
    return ScriptedRateLimit()


@pytest.fixture
def records() -> list[CallRecord]:
    return []


@pytest.fixture
async def far_end(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FarEnd]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    far = FarEnd()
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(far.serve(reader, writer))
        tasks.add(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    far.address = server.sockets[0].getsockname()
    far.url = f"http://127.0.0.1:{far.address[1]}"
    yield far
    server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await server.wait_closed()


@pytest.fixture
def new_client(rate_limit: ScriptedRateLimit, records: list[CallRecord]) -> Callable[..., aclosing[HubSpotClient]]:
    def build(transport: httpx.AsyncBaseTransport | None = None, **options: object) -> aclosing[HubSpotClient]:
        token = options.pop("token", "pat-secret")
        settings = {
            "base_url": "http://hubspot.invalid",
            "transport": transport,
            "rate_limit": rate_limit,
            "observe": records.append,
            **options,
        }
        return aclosing(HubSpotClient("main", token, **settings))  # type: ignore[arg-type]

    return build
