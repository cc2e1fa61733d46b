"""What a worker leaves behind when it stops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from app.enrollments.worker import Worker, WorkerLimits
from tests.support.enrollments import until_a_statement_waits

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from tests.conftest import MakeEntry
    from tests.support.road import Road

# The commit of `sending` has locked the enrollment's row when it waits for this row of another transaction.
PLACE = """
    INSERT INTO sender_reservations (enrollment_id, account, inbox, reserved_at)
    SELECT id, 'main', 'anna@acme.example', clock_timestamp() FROM enrollments
"""


async def test_a_worker_that_stops_in_the_middle_of_a_commit_hands_back_what_it_did_not_send(
    road: Road, engine: AsyncEngine, make_entry: MakeEntry
) -> None:
    await road.accept(make_entry("e1"))
    worker = Worker(
        road.enrollments,
        road.enroller,
        road.settler,
        road.confirmer,
        limits=WorkerLimits(),
        observe_expired=lambda _: None,
    )
    async with engine.connect() as other:
        await other.execute(text(PLACE))
        worker.start()
        await until_a_statement_waits(engine)
        await worker.stop(drain_seconds=0.0)
        assert await road.state() == ("ready", None)
        await other.rollback()
    assert await road.run("SELECT state, step, sending_at FROM enrollments") == [("ready", None, None)]
    assert await road.control("ledger") == []
