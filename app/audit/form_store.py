"""Forms that were sent: digests of their keys, and what was answered, for a day."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sqlalchemy import text

from app.audit.once import Before
from app.database.engine import busy_when_gone
from app.errors import DoneBefore

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from app.audit.once import Once

LOOKS, APART = 12, 0.25  # at the first one's answer while it is on its way, and the seconds between two of them

# Who comes second waits here until the first one's transaction ends. The first one writes each of its rows so.
TAKE = text("""
    INSERT INTO console_forms AS kept (sha256, turn, sent_at) VALUES (:sha256, :turn, clock_timestamp())
    ON CONFLICT (sha256) DO UPDATE SET turn = excluded.turn WHERE kept.turn = excluded.turn
    RETURNING sha256
""")

KEEP = text("""
    UPDATE console_forms SET location = :location, message = :message WHERE sha256 = :sha256 AND turn = :turn
""")

READ = text("SELECT location, message FROM console_forms WHERE sha256 = :sha256 AND turn <> :turn")


async def take(connection: AsyncConnection, once: Once) -> None:
    """Write that a form was sent. Raises DoneBefore where it was sent before."""
    values = {"sha256": once.sha256, "turn": once.turn}
    if (await connection.execute(TAKE, values)).first() is None:
        raise DoneBefore


class FormStore:
    """The forms that did something. Every method raises Busy while the database cannot be reached."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def before(self, once: Once) -> Before | None:
        """Return what a form led to when it was sent before, None where it did nothing then or was never sent.

        The first one may be on its way: its answer is waited for, some seconds at most.
        """
        for _ in range(LOOKS):
            found = await self._read(once)
            if found is None or found.location is not None:
                return found
            await asyncio.sleep(APART)
        return found

    async def keep(self, once: Once, location: str, message: str) -> None:
        """Keep what a form led to; one that changed nothing is not kept."""
        values = {"sha256": once.sha256, "turn": once.turn, "location": location, "message": message}
        with busy_when_gone():
            async with self._engine.begin() as connection:
                await connection.execute(KEEP, values)

    async def _read(self, once: Once) -> Before | None:
        with busy_when_gone():
            async with self._engine.connect() as connection:
                row = (await connection.execute(READ, {"sha256": once.sha256, "turn": once.turn})).one_or_none()
        return None if row is None else Before(row.location, row.message)
