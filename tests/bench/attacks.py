"""Clients that mean ill, in a process of their own: `python -m tests.bench.attacks PORT SECONDS`.

They take processor time from the service that they attack, which real ones would not: less of it by a lower priority,
but not so little that their attacks do not happen.
"""

from __future__ import annotations

import asyncio
import os
import random
import resource
import shutil
import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Attack = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

MIB = 1024 * 1024
SIGNED = "webhook-id: msg_1\r\nwebhook-timestamp: 1\r\nwebhook-signature: v1,AAAA\r\n"
HEAD = "POST /webhooks/{source} HTTP/1.1\r\nHost: x\r\n{lines}Content-Length: {length}\r\n\r\n"
# As `Retry-After` asks, give or take: no real clients come all at the same moment.
AGAIN_SECONDS = (2.5, 7.5)
DRIP_SECONDS = 1.0
SLOW = "slowhttptest"


def head(source: str, length: int, lines: str = SIGNED) -> bytes:
    """Return the headers of a delivery whose signature is made up."""
    return HEAD.format(source=source, lines=lines, length=length).encode()


async def endless_headers(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send header lines without end."""
    writer.write(b"POST /webhooks/nosuch HTTP/1.1\r\nHost: x\r\n")
    while True:
        writer.write(b"X-1: " + b"a" * 65536 + b"\r\n")
        await writer.drain()


async def many_lines(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send 200,000 header lines."""
    writer.write(b"POST /webhooks/nosuch HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 200_000 + b"\r\n")
    await writer.drain()


async def nearly_whole(source: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send all of the largest body but its last byte, and wait."""
    writer.write(head(source, MIB) + b"x" * (MIB - 1))
    await writer.drain()
    await reader.read()


async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send half of the headers, and wait."""
    writer.write(b"POST /webhooks/crm HTTP/1.1\r\nHost: x\r\nX-A: ")
    await reader.read()


async def slow_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a body byte by byte."""
    writer.write(head("crm", 1000))
    while not writer.is_closing():
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(DRIP_SECONDS)


ATTACKS: list[tuple[Attack, int]] = [
    (endless_headers, 4),
    (many_lines, 2),
    (partial(nearly_whole, "nosuch"), 200),
    (partial(nearly_whole, "crm"), 200),
    (half, 3000),
    (slow_body, 200),
]


async def again_and_again(port: int, attack: Attack) -> None:
    """Attack on one connection, and on the next one when that is closed."""
    await asyncio.sleep(random.uniform(0, AGAIN_SECONDS[1]))  # noqa: S311  # no secret
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                await attack(reader, writer)
            finally:
                writer.transport.abort()
        await asyncio.sleep(random.uniform(*AGAIN_SECONDS))  # noqa: S311  # no secret


async def by_tool(port: int, seconds: int) -> None:
    """Run slowhttptest, where it is installed: slow headers and slow bodies."""
    tool = shutil.which(SLOW)
    url = f"http://127.0.0.1:{port}/webhooks/crm"
    for kind in ("-H", "-B") if tool else ():
        arguments = [kind, "-c", "300", "-r", "50", "-i", "5", "-l", str(seconds), "-u", url, "-t", "POST"]
        await asyncio.create_subprocess_exec(
            str(tool), *arguments, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )


async def main(port: int, seconds: int) -> None:
    """Attack in all ways at once, for so long."""
    await by_tool(port, seconds)
    tasks = [asyncio.create_task(again_and_again(port, attack)) for attack, count in ATTACKS for _ in range(count)]
    await asyncio.wait(tasks, timeout=seconds)
    os._exit(0)


if __name__ == "__main__":
    os.nice(10)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 10_000), most))
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
