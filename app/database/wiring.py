"""Open the database that the settings name: the operator's, or the private one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from app.database.embedded import EmbeddedPostgres, attach
from app.database.embedded.keep_running import keep_running
from app.database.engine import open_engine, require_server

if TYPE_CHECKING:
    from contextlib import AsyncExitStack
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.settings import Settings


def data_dir(settings: Settings, *, practice: bool) -> Path:
    """Return the folder of the private database; practice has its own one unless the operator names a folder."""
    folder, named = settings.data_dir, "data_dir" in settings.model_fields_set
    return folder.with_name(f"{folder.name}-practice") if practice and not named else folder


async def open_database(stack: AsyncExitStack, settings: Settings, data_dir: Path, *, own: bool) -> AsyncEngine:
    """Open the operator's database, or the private one in `data_dir`; `stack` closes it. Raises StartError.

    `own` starts the private server and keeps it running; otherwise this process attaches to a running one.
    """
    if settings.database_url is not None:
        url = settings.database_url.get_secret_value()
    elif own:
        server = await asyncio.to_thread(EmbeddedPostgres.open, data_dir)
        stack.push_async_callback(asyncio.to_thread, server.close)
        _keep_running(stack, server)
        url = server.url
    else:
        url = await asyncio.to_thread(attach, data_dir)
    # A replica that is frozen in the middle of a transaction must not block the others for longer than its lease.
    engine = open_engine(url, idle_seconds=settings.lease_seconds / 2)
    stack.push_async_callback(engine.dispose)
    await require_server(engine)
    return engine


def _keep_running(stack: AsyncExitStack, server: EmbeddedPostgres) -> None:
    ended = asyncio.Event()
    watch = asyncio.create_task(keep_running(server, ended), name="database")

    async def end() -> None:
        ended.set()
        await watch

    stack.push_async_callback(end)
