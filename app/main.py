"""The composition root: open the process, start its rooms in order, serve until it is stopped."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import structlog

from app import workers
from app.database.migrate import migrate, require_migrated
from app.database.wiring import open_database
from app.errors import StartError
from app.observability import logs
from app.process import open_process
from app.web import wiring as web

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.process import Process
    from app.settings import Settings

log = structlog.get_logger(__name__)


async def serve(
    settings: Settings, environment: Mapping[str, str], *, with_worker: bool = True, with_sandbox: bool = False
) -> None:
    """Receive webhooks, and enroll unless workers run apart; until SIGTERM or SIGINT."""
    logs.configure(form=settings.log_format, level=settings.log_level)
    async with open_process(settings, environment, own_database=True, with_sandbox=with_sandbox) as process:
        listeners = web.bind(process)
        await migrate(process.engine.url)
        await process.check_database()
        await _first_rulebook(process)
        if with_worker:
            await workers.start(process)
        apps = await web.applications(process)
        process.maintain()
        await web.serve(process, dict(zip(listeners, apps, strict=True)))


async def work(settings: Settings, environment: Mapping[str, str]) -> None:
    """Enroll only, until SIGTERM or SIGINT, by the rulebook that `serve` put in force."""
    logs.configure(form=settings.log_format, level=settings.log_level)
    async with open_process(settings, environment, own_database=False, with_sandbox=False) as process:
        await require_migrated(process.engine)
        await process.check_database()
        await process.rulebook.start_from_store()
        await workers.start(process)
        process.maintain()
        await web.serve(process, web.worker_listener(process))


async def migrate_only(settings: Settings) -> None:
    """Migrate the database, and do nothing else."""
    logs.configure(form=settings.log_format, level=settings.log_level)
    async with AsyncExitStack() as stack:
        engine = await open_database(stack, settings, settings.data_dir, own=True)
        log.info("database.migrated", revision=await migrate(engine.url))


async def _first_rulebook(process: Process) -> None:
    try:
        await process.rulebook.start()
    except StartError as error:
        hint = (
            ""
            if process.practice
            else "\nto practise without a HubSpot account: `segue serve --sandbox`, or `segue demo`"
        )
        raise StartError(f"{error}{hint}") from error
