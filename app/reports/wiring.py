"""Reports, put together: the job that measures the tables, and the rules in force of a process."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from app.jobs import Loop
from app.reports.rules_in_force import RulesInForce
from app.reports.store import table_sizes
from app.rules.wiring import variable_values

if TYPE_CHECKING:
    from app.process import Process

EVERY_SECONDS = 300.0


async def start(process: Process) -> None:
    """Start what reports the sizes of tables as metrics."""

    async def measure() -> None:
        process.metrics.table_sizes(await table_sizes(process.engine))

    process.run(Loop(measure, every=EVERY_SECONDS, store_trouble="tables.not_measured", defect="tables.defect"))


def rules_in_force(process: Process) -> RulesInForce:
    """Return what reads the rules that decide in a process."""
    return RulesInForce(lambda: process.rulebook.current, partial(variable_values, read=process.variable))
