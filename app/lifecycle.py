"""A process from its first request to its last: signals, listeners, and the hourly sweep."""

from __future__ import annotations

import asyncio
import gc
import os
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.errors import RulebookError, StartError
from app.server import Listener, signals
from app.store.database import first_line
from app.store.retention import prune

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import timedelta

    from fastapi import FastAPI
    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.store.embedded import EmbeddedPostgres

SWEEP_SECONDS = 3600.0
LOOK_SECONDS = 1.0

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
    except (SQLAlchemyError, OSError) as error:
        log.error("rulebook.not_stored", error=first_line(error))  # noqa: TRY400  # the first line says it


async def sweep(
    engine: AsyncEngine,
    stopping: asyncio.Event,
    *,
    retention: timedelta,
    dedupe: timedelta,
    expired: Callable[[str, int], None],
) -> None:
    """Forget what `prune` says may be forgotten, once an hour until `stopping`.

    `expired` is told of each endpoint how many events went that were still to be sent to it.
    """

    def lost(endpoint: str, count: int) -> None:
        log.warning("outbound.expired", endpoint=endpoint, count=count, follows="the endpoint is never told of them")
        expired(endpoint, count)

    ages = {"retention": retention, "dedupe": dedupe}
    while not stopping.is_set():
        try:
            rows = await prune(engine, **ages, expired=lost, stopping=stopping.is_set)
            log.info("retention.swept", rows=rows)
        except (SQLAlchemyError, OSError) as error:
            log.warning("retention.not_swept", error=first_line(error))
        except Exception:
            # A sweep that ends for good is noticed when the disk is full.
            log.exception("retention.defect")
        with suppress(TimeoutError):
            async with asyncio.timeout(SWEEP_SECONDS):
                await stopping.wait()


async def keep_running(server: EmbeddedPostgres, stopping: asyncio.Event) -> None:
    """Start the private database again whenever it has ended by itself (killed, out of memory), until `stopping`."""
    while not stopping.is_set():
        try:
            if await asyncio.to_thread(server.revive):
                log.error("database.started_again")
        except StartError as error:
            log.error("database.not_started", error=str(error))  # noqa: TRY400  # the message says what to do
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await stopping.wait()


async def finished(task: asyncio.Task[None]) -> None:
    """Wait for a task that ends by itself once its event is set."""
    await task
