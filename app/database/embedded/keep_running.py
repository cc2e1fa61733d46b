"""Keep the private database running while a process needs it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from app.errors import StartError

if TYPE_CHECKING:
    from app.database.embedded.supervisor import EmbeddedPostgres

log = structlog.get_logger(__name__)

CHECK_SECONDS = 1.0


async def keep_running(server: EmbeddedPostgres, stopping: asyncio.Event) -> None:
    """Start the private database again whenever it has ended by itself (killed, out of memory), until `stopping`."""
    while not stopping.is_set():
        try:
            if await asyncio.to_thread(server.revive):
                log.error("database.started_again")
        except StartError as error:
            log.error("database.not_started", error=str(error))  # noqa: TRY400  # the message says what to do
        with suppress(TimeoutError):
            async with asyncio.timeout(CHECK_SECONDS):
                await stopping.wait()
