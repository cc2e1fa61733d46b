"""Open the database that the settings name: the operator's, or the private one."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from app.database.embedded import EmbeddedPostgres, attach
from app.database.engine import open_engine, require_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AsyncExitStack
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.settings import Settings


def data_dir(settings: Settings, *, practice: bool) -> Path:
    """Return the folder of the private database; practice has its own one unless the operator names a folder."""
    folder, named = settings.data_dir, "data_dir" in settings.model_fields_set
    return folder.with_name(f"{folder.name}-practice") if practice and not named else folder


def database_url(settings: Settings, data_dir: Path) -> str:
    """Return the URL of the operator's database, or of the private one that runs in `data_dir`. Raises StartError."""
    return settings.database_url.get_secret_value() if settings.database_url else attach(data_dir)


@contextmanager
def own_database(settings: Settings, data_dir: Path) -> Iterator[EmbeddedPostgres | None]:
    """Run the private database in `data_dir` while the block runs; None where the operator names another one.

    Raises StartError.
    """
    if settings.database_url is not None:
        yield None
        return
    server = EmbeddedPostgres.open(data_dir)
    try:
        yield server
    finally:
        server.close()


async def open_database(stack: AsyncExitStack, settings: Settings, url: str) -> AsyncEngine:
    """Return an engine for a database; `stack` disposes of it. Raises StartError where it cannot be used."""
    # A replica that is frozen in the middle of a transaction must not block the others for longer than its lease.
    engine = open_engine(url, idle_seconds=settings.lease_seconds / 2)
    stack.push_async_callback(engine.dispose)
    await require_server(engine)
    return engine
