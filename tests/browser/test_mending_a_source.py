"""A tool signs by another secret: why is read, the secret is mended, and a sample is accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.async_api import expect

from app.cli import demo_events
from tests.support.service import SECRETS

if TYPE_CHECKING:
    from tests.browser.tabs import Tabs
    from tests.support.console_service import ConsoleService

OTHER = "another-made-up-zoom-secret"
REGISTERED = demo_events.webinar(1, "ada@corp.example", "Ada").body


async def test_a_rejected_delivery_leads_to_the_mended_secret(tabs: Tabs, service: ConsoleService) -> None:
    theirs = {**SECRETS, "ZOOM_SECRET": OTHER}
    assert await service.deliver("webinar", REGISTERED, secrets=theirs) == 401
    await service.rows_until("SELECT 1 FROM refused_deliveries")
    page = await tabs.open(service)

    await page.goto("/admin/sources")
    await page.get_by_role("link", name="webinar", exact=True).click()
    why = page.locator(".why")
    await expect(why).to_contain_text("signature")
    await page.get_by_role("region", name="Rejected deliveries").get_by_role("link").first.click()
    today = page.get_by_role("status").locator("strong")
    still = await today.inner_text()

    # The operator writes the tool's secret into the file, and has it read.
    service.rules.write_text(service.rules.read_text().replace('"${ZOOM_SECRET}"', f'"${{ZOOM_SECRET}}", "{OTHER}"'))
    await page.goto("/admin/rules")
    await page.get_by_role("link", name="Read the file again…").click()
    await page.get_by_role("button", name="Put them in force").click()
    await expect(page.locator(".done")).to_contain_text("is in force now")
    await page.goto("/admin/sources/webinar")
    await page.get_by_role("region", name="Rejected deliveries").get_by_role("link").first.click()
    await expect(today).not_to_have_text(still)
    assert await service.deliver("webinar", REGISTERED, secrets=theirs) == 200

    await page.goto("/admin/sources/webinar")
    await page.get_by_role("button", name="Show what it would come to").click()
    await page.get_by_role("button", name="Send it").click()
    await expect(page.locator(".done")).to_be_visible()
    assert await service.rows("SELECT count(*) FROM deliveries WHERE source = 'webinar'") == [(2,)]
    wrote = await service.rows("SELECT who FROM audit WHERE what LIKE 'POST /admin/sources/%/sample'")
    assert wrote == [("ada",), ("ada",)]  # asked for, and what came of it
