"""The sandbox behind a real socket, in a thread of the test process: fresh for each test, without a process each."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import uvicorn

from app.sandbox.__main__ import BreakableProtocol
from app.sandbox.app import create_app

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from starlette.applications import Starlette
    from starlette.types import Receive, Scope, Send


class SandboxServer:
    """Serves one sandbox after the other at the same URL."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._app: Starlette | None = None
        self._loop = asyncio.new_event_loop()
        config = uvicorn.Config(
            self._serve, interface="asgi3", http=BreakableProtocol, lifespan="off", log_config=None, access_log=False
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run_server, name="sandbox", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._loop.close()

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """Serve an unused sandbox; give its URL."""
        app = create_app()
        lifespan = app.router.lifespan_context(app)
        self._run(lifespan.__aenter__())
        self._app = app
        try:
            yield self.url
        finally:
            self._app = None
            self._run(lifespan.__aexit__(None, None, None))

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self._app is not None, "a request to the sandbox comes after the test that it belongs to"
        await self._app(scope, receive, send)

    def _run_server(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._server.serve(sockets=[self._socket]))

    def _run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()
