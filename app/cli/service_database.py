"""The database of a service, as commands open it: the service may run meanwhile, or not."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from app.database.embedded.wiring import data_dir
from app.database.migrate import require_migrated
from app.database.wiring import database_url, open_database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.settings import Settings


@asynccontextmanager
async def service_database(settings: Settings, *, practice: bool) -> AsyncIterator[AsyncEngine]:
    """Open the database that the settings name, or the private one; it must be migrated. Raises StartError."""
    async with AsyncExitStack() as stack:
        engine = await open_database(stack, settings, database_url(settings, data_dir(settings, practice=practice)))
        await require_migrated(engine)
        yield engine
