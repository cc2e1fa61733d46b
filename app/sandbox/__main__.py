"""`python -m app.sandbox`: the sandbox as a process. Prints its URL once it listens."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sys
from typing import Any

import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.sandbox.app import TRANSPORT, create_app
from app.sandbox.state.settings import Settings

# As long as Cloudflare keeps an idle connection (its page on connection limits). UNVERIFIED: that Cloudflare answers
# for api.hubapi.com, and that its limits hold there.
IDLE_SECONDS = 400


class BreakableProtocol(HttpToolsProtocol):
    """Passes the connection to the application, so that a fault can break it."""

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        scope: Any = self.scope
        scope[TRANSPORT] = self.transport


async def serve(host: str, port: int, *, parent: int | None) -> None:
    """Serve until SIGTERM, or until `parent`, the process that started this one, has ended."""
    listening = socket.create_server((host, port), backlog=2048)
    config = uvicorn.Config(
        create_app(Settings()),
        http=BreakableProtocol,
        log_config=None,
        access_log=False,
        lifespan="on",
        ws="none",
        timeout_keep_alive=IDLE_SECONDS,
    )
    server = uvicorn.Server(config)
    sys.stdout.write(f"sandbox listens on http://{host}:{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    watch = asyncio.create_task(_stop_with_parent(server, parent)) if parent else None
    await server.serve(sockets=[listening])
    if watch is not None:
        watch.cancel()


async def _stop_with_parent(server: uvicorn.Server, parent: int) -> None:
    while os.getppid() == parent:  # noqa: ASYNC110  # there is no event for it outside Linux
        await asyncio.sleep(0.2)
    server.should_exit = True


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m app.sandbox", description="A HubSpot to practise on")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8081)
    parser.add_argument("--parent", type=int, help="the process that starts this one: it ends when that has gone")
    arguments = parser.parse_args()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    uvloop.run(serve(arguments.host, arguments.port, parent=arguments.parent))


if __name__ == "__main__":
    main()
