"""Open the database that the settings name, the operator's or the private one, and say which PostgreSQL it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from app.clock import utc_now
from app.database.embedded import attach, origin
from app.database.engine import open_engine, require_server, server_version
from app.database.server import Server, concern

if TYPE_CHECKING:
    from contextlib import AsyncExitStack
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.settings import Settings

log = structlog.get_logger(__name__)


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


async def running_server(engine: AsyncEngine, settings: Settings, data_dir: Path) -> Server:
    """Return which PostgreSQL runs, and where it is from. Raises what any statement may."""
    where = "at SEGUE_DATABASE_URL" if settings.database_url else origin(data_dir)
    return Server(await server_version(engine), where)


async def log_server(engine: AsyncEngine, settings: Settings, data_dir: Path) -> None:
    """Log which PostgreSQL runs, and warn of what speaks against it. Raises what any statement may."""
    server = await running_server(engine, settings, data_dir)
    log.info("database.opened", postgresql=server.number, origin=server.origin)
    if problem := concern(server.version, utc_now().date()):
        log.warning("database.outdated", problem=problem)
