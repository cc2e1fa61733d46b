"""Hints that a contact's sequence ended: written in the background, so that no webhook's answer waits for them.

A lost hint (too many at once, database down, a crash) costs only time: search and looks find the same end later.
"""

from __future__ import annotations

import asyncio
from itertools import product
from typing import TYPE_CHECKING

import structlog

from app.database.engine import STORE_TROUBLE, first_line
from app.database.listen import HINTS_READY
from app.followup.statements import HINT, NOTIFY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.sources.base import Hint

WAITING = 10_000
AT_ONCE = 1000

log = structlog.get_logger(__name__)


class HintStore:
    """Collects hints while earlier ones are written: one statement for many deliveries."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._waiting: dict[tuple[str, str, str], None] = {}
        self._there = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._write_all(), name="hints")

    async def close(self) -> None:
        """Stop; hints that still wait are dropped."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def keep(self, accounts: Iterable[str], hints: Iterable[Hint]) -> None:
        """Make looks due for the enrollments of these contacts, in any of the accounts.

        Where too many hints wait, a new one is dropped.
        """
        for account, hint in product(accounts, hints):
            if len(self._waiting) < WAITING:
                self._waiting[account, hint.portal, hint.contact] = None
        if self._waiting:
            self._there.set()

    async def _write_all(self) -> None:
        while True:
            await self._there.wait()
            some = list(self._waiting)[:AT_ONCE]
            for hint in some:
                del self._waiting[hint]
            if not self._waiting:
                self._there.clear()
            try:
                await self._write(some)
            except STORE_TROUBLE as error:
                log.warning("hints.not_kept", count=len(some), error=first_line(error), follows="they are found later")
            except Exception:
                # A hint that cannot be written must not stop the others.
                log.exception("hints.defect")

    async def _write(self, hints: list[tuple[str, str, str]]) -> None:
        accounts, portals, contacts = (list(values) for values in zip(*hints, strict=True))
        async with self._engine.begin() as connection:
            values = {"accounts": accounts, "portals": portals, "contacts": contacts}
            if (await connection.execute(HINT, values)).first() is not None:
                await connection.execute(NOTIFY, {"channel": HINTS_READY})
