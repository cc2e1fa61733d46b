"""A tool signs by another secret: why is read, the secret is mended, and a sample is accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.async_api import expect

from app.cli import demo_events
from app.intake.rejected import checked_again, passes
from app.intake.rejected_store import find_delivery
from tests.support.rulebooks import loaded
from tests.support.service import RULES, SECRETS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playwright.async_api import Locator, Page

    from tests.browser.tabs import Tabs
    from tests.support.console_service import ConsoleService

MENDED = {**SECRETS, "ZOOM_SECRET": "another-made-up-zoom-secret"}
REGISTERED = demo_events.webinar(1, "ada@corp.example", "Ada").body
MOST_BYTES = 65_536
REJECTED = "With today's secrets it would be rejected again: its signature fits no secret of the source."
ACCEPTED = "With today's secrets it would be accepted: have the tool send it again."


async def looked_at(page: Page) -> Locator:
    """Open the newest rejected delivery; return what today's secrets say of it."""
    await page.goto("/admin/sources/webinar")
    await page.get_by_role("region", name="Rejected deliveries").get_by_role("link").first.click()
    return page.get_by_role("status").locator("strong")


async def proven(service: ConsoleService, delivery: str, secrets: Mapping[str, str]) -> bool:
    """Return whether a stored delivery has the proof of these secrets."""
    stored = await find_delivery(service.engine, delivery, "webinar")
    assert stored
    checks = checked_again(stored, loaded(RULES, **secrets), maximum=MOST_BYTES)
    assert checks
    return passes(checks)


async def test_a_rejected_delivery_leads_to_the_mended_secret(tabs: Tabs, service: ConsoleService) -> None:
    assert await service.deliver("webinar", REGISTERED, secrets=MENDED) == 401
    await service.rows_until("SELECT 1 FROM refused_deliveries")
    page = await tabs.open(service)

    await page.goto("/admin/sources")
    await page.get_by_role("link", name="webinar", exact=True).click()
    await expect(page.locator(".why")).to_contain_text("signature")
    await expect(await looked_at(page)).to_contain_text(REJECTED)

    # The operator writes the tool's secret into the file in the place of the wrong one, and has it read.
    text = service.rules.read_text().replace("${ZOOM_SECRET}", MENDED["ZOOM_SECRET"])
    service.rules.write_text(text)
    await page.goto("/admin/rules")
    await page.get_by_role("link", name="Read the file again…").click()
    await page.get_by_role("button", name="Put them in force").click()
    await expect(page.locator(".done")).to_contain_text("is in force now")
    await expect(await looked_at(page)).to_contain_text(ACCEPTED)

    await page.goto("/admin/sources/webinar")
    await page.get_by_role("button", name="Show what it would come to").click()
    await page.get_by_role("button", name="Send it").click()
    await expect(page.locator(".done")).to_contain_text("The sample was accepted")
    # The sample has the proof of the mended secret, and not of the one that the file had before.
    ((sample,),) = await service.rows("SELECT id FROM deliveries WHERE source = 'webinar'")
    assert [await proven(service, sample, secrets) for secrets in (SECRETS, MENDED)] == [False, True]
    assert await service.deliver("webinar", REGISTERED, secrets=MENDED) == 200
    wrote = await service.rows("SELECT who FROM audit WHERE what LIKE 'POST /admin/sources/%/sample'")
    assert wrote == [("ada",), ("ada",)]  # asked for, and what came of it
