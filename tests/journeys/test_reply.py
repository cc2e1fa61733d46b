"""A person replies, and HubSpot says so by a webhook."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
from standardwebhooks import Webhook

from tests.support.logs import HOOK_SECRET, TOKEN, rules_file
from tests.support.world import LONG, RULES, World

if TYPE_CHECKING:
    from tests.support.far_endpoint import Far


async def test_a_reply_is_known_by_hubspots_webhook_and_shown_in_the_enrollments_story(world: World, far: Far) -> None:
    secret = "the-apps-client-secret"
    portal = f'sources: {{portal: {{provider: hubspot, secrets: ["{secret}"], signatures: v3-only}}, crm:'
    endpoints = f'endpoints: {{crm: {{url: "{far.url}", secrets: ["{HOOK_SECRET}"], events: [ended, replied]}}}}\n'
    rules_file(world).write_text(RULES.replace("sources: {crm:", portal) + endpoints)
    await world.control("settings", {"search_lag": 86_400})  # the search alone would find it tomorrow
    await world.start("serve")
    hook = {"url": f"http://127.0.0.1:{world.port}/webhooks/portal", "secret": secret}
    await world.control("webhooks", hook | {"properties": ["hs_latest_sequence_ended_date"]})
    email = await world.send_event(1, "long")
    await world.until_settled()
    await world.control("happen", {"email": email, "what": "reply"})

    async def ended() -> bool:
        return bool(await world.rows("SELECT id FROM enrollments WHERE ended IS NOT NULL"))

    await world.until(ended, what="the end of the sequence to be learnt")
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{world.port}", headers={"authorization": f"Bearer {TOKEN}"}, trust_env=False
    ) as client:
        (row,) = (await client.get("/api/v1/enrollments", params={"ended": "unenrolled"})).json()["items"]
        story = (await client.get(f"/api/v1/enrollments/{row['id']}")).json()["journal"]
        page = (await client.get("/metrics")).text
    assert (row["email"], row["state"], row["ended_known"]) == (email, "enrolled", True)
    assert "; inferred: because of a reply at " in row["ended_why"]
    assert row["replied_at"] is not None
    assert [line["cause"] for line in story][-3:] == ["enrolled", "ended", "replied"]
    counted = f'segue_ends_total{{account="main",how="unenrolled",known="known",sequence="{LONG}"}} 1.0'
    assert counted in page
    assert await world.rows("SELECT id FROM deliveries WHERE source = 'portal'") == []
    known = await world.rows("SELECT account, portal_id, timezone FROM hubspot_accounts")
    assert [tuple(row) for row in known] == [("main", "48000001", "UTC")]
    assert email not in world.processes[0].log()
    async with asyncio.timeout(300):
        await far.arrived.acquire()
        await far.arrived.acquire()
    events = [Webhook(HOOK_SECRET).verify(posted.body, dict(posted.headers)) for posted in far.posted]
    assert {event["type"] for event in events} == {"enrollment.ended", "enrollment.replied"}
    assert {event["data"]["ended"] for event in events} == {"unenrolled"}
