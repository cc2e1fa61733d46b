"""The console, which is built for its first request: most processes get none, and its pages take some megabytes."""

from __future__ import annotations

from asyncio import Lock
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from app.process import Process
    from app.web.access.gate import Gate
    from app.web.access.record import Recorder


class ConsoleOnDemand:
    """An application that is not there until it is called; `built` is called once it is."""

    def __init__(
        self, process: Process, gate: Gate, recorder: Recorder, *, built: Callable[[], None] | None = None
    ) -> None:
        self._parts = process, gate, recorder
        self._built = built
        self._site: ASGIApp | None = None
        self._opening = Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        site = self._site or await self._opened()
        await site(scope, receive, send)

    async def _opened(self) -> ASGIApp:
        async with self._opening:
            if self._site is None:
                self._site = await import_module("app.console.wiring").open_site(*self._parts)
                if self._built is not None:
                    self._built()
            return self._site
