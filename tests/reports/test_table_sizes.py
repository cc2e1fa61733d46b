from __future__ import annotations

from typing import TYPE_CHECKING

from app.database.schema import metadata
from app.observability.metrics import Metrics
from app.reports.store import table_sizes

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine


async def test_every_table_has_a_size_that_grows_with_its_rows(engine: AsyncEngine) -> None:
    before = await table_sizes(engine)
    assert set(metadata.tables) <= set(before)
    async with engine.begin() as connection:
        await connection.exec_driver_sql(
            "INSERT INTO inboxes (account, inbox) SELECT 'main', 'inbox' || n FROM generate_series(1, 1000) AS n"
        )
    after = await table_sizes(engine)
    assert after["inboxes"] > before["inboxes"] >= 0


async def test_sizes_are_shown_as_metrics(engine: AsyncEngine) -> None:
    metrics = Metrics()
    sizes = await table_sizes(engine)
    metrics.table_sizes(sizes)
    shown = metrics.registry.get_sample_value("segue_table_bytes", {"table": "enrollments"})
    assert shown == sizes["enrollments"]
