"""Build what works at jobs in a process."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import structlog

from app.bulk.run import BulkRunner
from app.bulk.work_store import BulkWorkStore
from app.database.engine import STORE_TROUBLE, first_line
from app.database.listen import BULK_READY
from app.intake.wiring import redecider
from app.jobs import Loop

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from app.intake.redecide import Redecider
    from app.process import Process

POLL_SECONDS = 1.0

log = structlog.get_logger(__name__)


async def start(process: Process) -> None:
    """Start the loop that does what operators have asked for."""

    async def within(connection: AsyncConnection) -> Redecider:
        return await redecider(process, within=connection)

    store = BulkWorkStore(process.engine, process.name, within)
    loop = Loop(
        BulkRunner(store).once,
        every=POLL_SECONDS,
        store_trouble="bulk.store_trouble",
        trouble="bulk.not_yet",
        defect="bulk.defect",
    )
    process.stack.push_async_callback(partial(_hand_back, store))
    process.run(loop, channel=BULK_READY)


async def _hand_back(store: BulkWorkStore) -> None:
    try:
        await store.hand_back()
    except STORE_TROUBLE as error:
        log.warning("bulk.not_handed_back", error=first_line(error), follows="the leases run out")
