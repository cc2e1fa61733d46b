"""A process from its first request to its last: signals, listeners, and the hourly sweep."""

from __future__ import annotations

import asyncio
import gc
import os
from typing import TYPE_CHECKING

import structlog

from app.database.engine import STORE_TROUBLE, first_line
from app.errors import RulebookError
from app.web.server import Listener, signals

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from fastapi import FastAPI


log = structlog.get_logger(__name__)


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

    # What is there now stays until the end: the garbage collector need not look through it again and again.
    gc.collect()
    gc.freeze()
    with signals(stop=stop, reload=reload_soon):
        serving = [asyncio.create_task(listener.serve(app)) for listener, app in apps.items()]
        log.info("service.started", pid=os.getpid(), ports=[listener.port for listener in apps])
        await stopping.wait()
        for listener in apps:
            listener.stop()
        await asyncio.gather(*serving, *reloads)


async def _reloaded(reload: Callable[[], Awaitable[object]]) -> None:
    """Reload on SIGHUP; mistakes are in the log by then, and the rules in force stay in force."""
    try:
        await reload()
    except RulebookError:
        return
    except STORE_TROUBLE as error:
        log.error("rulebook.not_stored", error=first_line(error))  # noqa: TRY400  # the first line says it
