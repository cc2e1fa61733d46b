"""How things stand at this moment, for the overview: what waits, what is in hand and for how long, what is parked."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from sqlalchemy import text

from app.bulk.groups import By
from app.bulk.parked_store import GROUP_PARKED, group_of, values_of_groups
from app.database.engine import busy_when_gone

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.bulk.groups import ParkedGroup

# A row for each group of parked ones, one where nothing is parked. Each count stops one beyond the cap, in an index.
STANDING = text(f"""
    SELECT * FROM (
        SELECT
            (SELECT count(*) FROM (SELECT 1 FROM enrollments WHERE state = 'held' LIMIT 10001) AS a) AS held,
            (SELECT count(*) FROM (SELECT 1 FROM enrollments WHERE state = 'ready' LIMIT 10001) AS b) AS ready,
            (SELECT count(*) FROM (SELECT 1 FROM enrollments WHERE state = 'working' LIMIT 10001) AS c) AS working,
            (SELECT count(*) FROM (SELECT 1 FROM enrollments WHERE state = 'uncertain' LIMIT 10001) AS d) AS uncertain,
            (SELECT COALESCE(EXTRACT(epoch FROM clock_timestamp() - min(due_at)), 0) FROM enrollments
             WHERE state IN ('ready', 'uncertain') AND due_at <= statement_timestamp()) AS overdue,
            COALESCE((SELECT id FROM enrollments WHERE state = 'enrolled' ORDER BY id LIMIT 1),
                     (SELECT id FROM enrollments WHERE state = 'done' ORDER BY id LIMIT 1)) IS NOT NULL AS some_done,
            (SELECT id FROM enrollments ORDER BY id LIMIT 1) IS NOT NULL AS some_asked
    ) AS standing LEFT JOIN ({GROUP_PARKED.text}) AS parked ON true
    ORDER BY count DESC, value
""")  # noqa: S608  # what is put in is a statement


@dataclass(frozen=True, slots=True)
class Standing:
    """How many enrollments wait, are in hand, and are uncertain (10,001 for more), and for how long one is due (s).

    `some_asked` says that any is stored, and `some_done` that HubSpot has done what one of them asks for.
    """

    held: int
    ready: int
    working: int
    uncertain: int
    overdue: float
    some_done: bool
    some_asked: bool


_STANDING = tuple(field.name for field in fields(Standing))


async def read_standing(engine: AsyncEngine) -> tuple[Standing, list[ParkedGroup]]:
    """Return it, with what is parked by its cause, the largest group first. Raises Busy.

    It is one statement.
    """
    with busy_when_gone():
        async with engine.connect() as connection:
            rows = (await connection.execute(STANDING, values_of_groups(By.CAUSE))).all()
    standing = Standing(*(getattr(rows[0], name) for name in _STANDING))
    return standing, [group_of(By.CAUSE, row) for row in rows if row.since is not None]
