"""The far end: a real HTTP server on loopback that keeps what it is posted, and answers what a test tells it to."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping


@dataclass(frozen=True)
class Posted:
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Far:
    """Answers each request with the next of `answers` (whole responses), with 204 where none is left.

    While `gate` is closed no request is answered; `arrived` counts the requests that came.
    """

    port: int = 0
    posted: list[Posted] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks"

    def answer(self, *statuses: int, body: str = "", **headers: str) -> None:
        """Answer the next requests like this, one each."""
        more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        for status in statuses:
            self.answers.append(f"HTTP/1.1 {status} x\r\n{more}content-length: {len(body)}\r\n\r\n{body}".encode())

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    await self._one(reader, writer)
        finally:
            writer.transport.abort()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (text.partition(":") for text in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        method, path, _ = line.split(" ")
        self.posted.append(Posted(method, path, headers, body))
        self.arrived.release()
        await self.gate.wait()
        writer.write(self.answers.pop(0) if self.answers else b"HTTP/1.1 204 x\r\n\r\n")
        await writer.drain()


@asynccontextmanager
async def far_end() -> AsyncIterator[Far]:
    """Run a far end that answers at once."""
    far = Far()
    far.gate.set()
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(far.serve(reader, writer)))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    far.port = server.sockets[0].getsockname()[1]
    try:
        yield far
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
