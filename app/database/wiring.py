"""Open the database that the settings name: the operator's, or the private one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.database.embedded import attach
from app.database.engine import open_engine, require_server

if TYPE_CHECKING:
    from contextlib import AsyncExitStack
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.settings import Settings


def database_url(settings: Settings, data_dir: Path) -> str:
    """Return the URL of the operator's database, or of the private one that runs in `data_dir`. Raises StartError."""
    return settings.database_url.get_secret_value() if settings.database_url else attach(data_dir)


async def open_database(stack: AsyncExitStack, settings: Settings, url: str) -> AsyncEngine:
    """Return an engine for a database; `stack` disposes of it. Raises StartError where it cannot be used."""
    # A replica that is frozen in the middle of a transaction must not block the others for longer than its lease.
    engine = open_engine(url, idle_seconds=settings.lease_seconds / 2)
    stack.push_async_callback(engine.dispose)
    await require_server(engine)
    return engine
