"""Migrate the database, and write down in the same transaction who did it, from which revision to which."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from app.audit.act import acting
from app.audit.store import note
from app.database.migrate import migrate
from app.database.wiring import open_database

if TYPE_CHECKING:
    from app.audit.act import Act
    from app.settings import Settings


async def migrate_as(act: Act, settings: Settings, database: str) -> str:
    """Bring the database up to date, noted where that changes it, and return its revision. Raises StartError."""
    async with AsyncExitStack() as stack:
        engine = await open_database(stack, settings, database)
        with acting(act):
            return await migrate(engine.url, note)
