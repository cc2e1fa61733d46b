"""An account joins by OAuth."""

from __future__ import annotations

import re

import httpx

from app.accounts.encryption import new_key
from tests.support.logs import TOKEN, rules_file
from tests.support.processes import free_port
from tests.support.world import RULES, World


async def test_an_account_joins_by_oauth_and_a_waiting_person_is_enrolled(world: World) -> None:
    rules_file(world).write_text(RULES.replace('{token: "${SEGUE_HUBSPOT_TOKEN}"}', "{oauth: true}"))
    world.port = free_port()
    world.environment |= {
        "SEGUE_PUBLIC_URL": f"http://127.0.0.1:{world.port}",
        "SEGUE_HUBSPOT_APP_URL": world.sandbox_url,
        "SEGUE_HUBSPOT_CLIENT_ID": "sandbox-client",
        "SEGUE_HUBSPOT_CLIENT_SECRET": "sandbox-client-secret",
        "SEGUE_ENCRYPTION_KEYS": new_key(),
    }
    await world.start("serve")
    await world.send_event(1, "long")

    async def held() -> bool:
        return bool(await world.rows("SELECT id FROM enrollments WHERE reason = 'account_not_connected'"))

    await world.until(held, what="the enrollment to wait for its account")
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(trust_env=False, follow_redirects=True, timeout=30) as browser:
        link = await browser.post(f"http://127.0.0.1:{world.port}/api/v1/accounts/main/install", headers=headers)
        await browser.get(link.json()["url"])  # a preview, or the page with the button
        page = await browser.post(link.json()["url"])
    assert page.status_code == 200
    assert "main" in page.text
    await world.until_settled()
    assert await world.rows("SELECT state FROM enrollments") == [("enrolled",)]
    logged = world.processes[0].log()
    assert "sandbox-client-secret" not in logged
    # Access tokens of the sandbox begin like that, as HubSpot's own do.
    assert not re.search(r"CJ[A-Za-z0-9_-]{60,}", logged)
