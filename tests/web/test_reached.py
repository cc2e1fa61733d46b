"""Whether senders reach this service, as `segue doctor` finds it out: a delivery of no source; none of it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.doctor.client import visited
from app.web.wiring import bind, listeners
from tests.web.wire import serving

if TYPE_CHECKING:
    from tests.support.service import Running


async def test_a_caller_sees_by_the_answer_that_it_reached_the_service_which_stores_nothing(web: Running) -> None:
    (listener,) = listeners(web.process, bind(web.process.settings))
    async with serving(listener, web.public):
        visit = await visited(f"http://127.0.0.1:{listener.port}/")
    assert (visit.ours, visit.outcome) == (True, "404")
    assert await web.rows("SELECT * FROM refused_deliveries") == []
    assert web.counted("webhooks_rejected_total", source="unknown", reason="unknown_source") == 1
