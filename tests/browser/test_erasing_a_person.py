"""A person asks to be forgotten: an admin looks what is stored, erases it, and gets a receipt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.async_api import expect

if TYPE_CHECKING:
    from tests.browser.tabs import Tabs
    from tests.support.console_service import ConsoleService

ADDRESS = "ada@corp.example"
ENROLLED = "SELECT 1 FROM enrollments WHERE state = 'enrolled' HAVING count(*) = 2"
# Wherever a text of a row may hold the address; what proves the request holds a hash.
NAMES_HER = """
    SELECT 'events' FROM events WHERE to_jsonb(events)::text ILIKE :pattern
    UNION ALL SELECT 'decisions' FROM decisions WHERE to_jsonb(decisions)::text ILIKE :pattern
    UNION ALL SELECT 'enrollments' FROM enrollments WHERE to_jsonb(enrollments)::text ILIKE :pattern
    UNION ALL SELECT 'intents' FROM intents WHERE to_jsonb(intents)::text ILIKE :pattern
    UNION ALL SELECT 'audit' FROM audit WHERE to_jsonb(audit)::text ILIKE :pattern
    UNION ALL SELECT 'deliveries' FROM deliveries WHERE convert_from(body, 'UTF8') ILIKE :pattern
"""


async def test_a_person_is_erased_and_the_receipt_names_no_one(tabs: Tabs, service: ConsoleService) -> None:
    await service.sign_up(ADDRESS, "bob@corp.example")
    await service.rows_until(ENROLLED)
    assert await service.rows(NAMES_HER, pattern=f"%{ADDRESS}%")
    page = await tabs.open(service)

    await page.goto("/admin/erasure")
    await page.get_by_label("A person, by an address").fill(ADDRESS)
    await page.get_by_role("button", name="Show what is stored").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("What is stored of a***@corp.example")
    assert ADDRESS not in page.url
    await expect(page.get_by_role("row", name="1 events, without the person")).to_be_visible()
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Download all").click()
    assert (await download.value).suggested_filename == "person.json"

    await page.get_by_role("link", name="Forget this person…").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Forget a***@corp.example for good?")
    await page.get_by_label("Reason").fill("ticket 4711")
    await page.get_by_role("button", name="Forget this person").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Receipt of an erasure")
    await expect(page.locator("#receipt")).to_contain_text("and done on")  # it refreshes itself until then
    assert "corp.example" not in await page.content()
    assert await service.rows(NAMES_HER, pattern=f"%{ADDRESS}%") == []
    assert await service.rows(NAMES_HER, pattern="%bob@corp.example%")
