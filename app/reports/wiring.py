"""Reports, put together: the job that measures the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.jobs import Loop
from app.reports.store import table_sizes

if TYPE_CHECKING:
    from app.process import Process

EVERY_SECONDS = 300.0


async def start(process: Process) -> None:
    """Start what reports the sizes of tables as metrics."""

    async def measure() -> None:
        process.metrics.table_sizes(await table_sizes(process.engine))

    process.run(Loop(measure, every=EVERY_SECONDS, store_trouble="tables.not_measured", defect="tables.defect"))
