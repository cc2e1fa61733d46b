"""An enrollment is reported to a system of the operator's."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
from standardwebhooks import Webhook

from tests.support.logs import HOOK_SECRET, TOKEN, rules_file
from tests.support.world import RULES, World

if TYPE_CHECKING:
    from tests.support.far_endpoint import Far


async def test_an_enrollment_ends_as_a_signed_event_at_a_system_of_the_operators(world: World, far: Far) -> None:
    endpoints = f'endpoints: {{crm: {{url: "{far.url}", secrets: ["${{HOOK_SECRET}}"], events: [enrolled]}}}}\n'
    rules_file(world).write_text(RULES + endpoints)
    world.environment["HOOK_SECRET"] = HOOK_SECRET
    await world.start("serve --no-worker", "worker", "worker")
    email = await world.send_event(1, "long")
    async with asyncio.timeout(300):
        await far.arrived.acquire()
    (posted,) = far.posted
    event = Webhook(HOOK_SECRET).verify(posted.body, dict(posted.headers))
    ((identity, hubspot),) = await world.rows("SELECT id, hubspot_enrollment_id FROM enrollments")
    assert event["type"] == "enrollment.enrolled"
    assert (event["data"]["enrollment_id"], event["data"]["email"]) == (identity, email)
    assert (event["data"]["hubspot_enrollment_id"], event["data"]["sender"]["name"]) == (hubspot, "anna")

    url = f"http://127.0.0.1:{world.port}/api/v1/outbound/{posted.id}/replay"
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(headers=headers, trust_env=False) as client:

        async def delivered() -> bool:
            return await world.rows("SELECT state FROM outbound") == [("delivered",)]

        await world.until(delivered, what="the record of the delivery")
        assert (await client.post(url)).status_code == 200
    async with asyncio.timeout(300):
        await far.arrived.acquire()
    again = far.posted[-1]
    assert (again.id, again.body) == (posted.id, posted.body)
    logs = "".join(process.log() for process in world.processes)
    assert "outbound.sent" in logs
    assert HOOK_SECRET not in logs
    assert far.url not in logs
    assert email not in logs
