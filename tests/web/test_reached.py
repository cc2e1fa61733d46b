"""Whether senders reach this service, as `segue doctor` finds it out: a delivery of no source; none of it is kept."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from app.operating import visited
from app.server import Listener

if TYPE_CHECKING:
    from tests.web.service import Running


async def test_a_service_that_is_reached_is_told_by_its_answer_and_keeps_nothing(web: Running) -> None:
    listener = Listener("127.0.0.1", 0, setting="nowhere")
    serving = asyncio.create_task(listener.serve(web.public))
    visit = await visited(f"http://127.0.0.1:{listener.port}/")
    listener.stop()
    await serving
    assert (visit.ours, visit.told) == (True, "404")
    assert await web.rows("SELECT * FROM refused_deliveries") == []
    assert web.counted("webhooks_rejected_total", source="unknown", reason="unknown_source") == 1
