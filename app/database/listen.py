"""LISTEN: commits of other processes wake this one at once. A lost connection is reopened; polling covers the gap."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from app.database.engine import DRIVER_TROUBLE, connect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy.engine import URL

RECONNECT_SECONDS = 1.0
# How long a loop waits at most that has nothing to do and that a notification wakes: a notification may be lost, by a
# crash between a commit and its notification. A loop that knows when its next work is due waits until then.
IDLE_POLL_SECONDS = 30.0

log = structlog.get_logger(__name__)

ENROLLMENTS_READY = "segue_enrollments_ready"  # the payload is the account; without one it may be any
THIN_EVENTS_READY = "segue_thin_events_ready"
OUTBOUND_READY = "segue_outbound_ready"
HINTS_READY = "segue_hints_ready"
GRANT_CHANGED = "segue_grant_changed"
RULEBOOK_CHANGED = "segue_rulebook_changed"
DOCTOR_READY = "segue_doctor_ready"
FORGETTING_READY = "segue_forgetting_ready"
INVENTORY_READY = "segue_inventory_ready"
BULK_READY = "segue_bulk_ready"


class Notifications:
    """Calls `handlers[channel]` with the payload of every notification on `channel`.

    After each (re)connection all of them are called with the payload "", as any notification may have been missed.
    """

    def __init__(self, url: URL, handlers: Mapping[str, Callable[[str], None]]) -> None:
        self._url = url
        self._handlers = handlers
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen."""
        self._task = asyncio.create_task(self._keep_listening(), name="notifications")

    async def close(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _keep_listening(self) -> None:
        while True:
            try:
                await self._listen()
            except DRIVER_TROUBLE as error:
                log.warning("notifications.lost", error=type(error).__name__)
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen(self) -> None:
        connection = await connect(self._url)
        ended = asyncio.Event()
        connection.add_termination_listener(lambda _: ended.set())
        try:
            for channel, handler in self._handlers.items():
                await connection.add_listener(channel, lambda _, __, ___, payload, call=handler: call(payload))
                handler("")  # Covers the notifications that came while no connection listened.
            await ended.wait()
        finally:
            with suppress(*DRIVER_TROUBLE):
                await connection.close(timeout=2)
