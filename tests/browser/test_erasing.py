"""A person is erased in a browser: found without the address in a URL, exported, and forgotten with a receipt."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from playwright.async_api import expect

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.browser.tabs import Tabs
    from tests.support.console_service import ConsoleService

ADDRESS = "ada@corp.example"


async def enrolled(service: ConsoleService) -> None:
    """Let the person be enrolled."""
    data = {"email": ADDRESS, "employees": 80, "first_name": "Ada"}
    await service.deliver("crm", {"type": "signup", "data": data})
    await service.rows_until("SELECT 1 FROM enrollments WHERE state = 'enrolled'")


def read(file: Path) -> dict[str, Any]:
    """Return what a downloaded file holds."""
    held: dict[str, Any] = orjson.loads(file.read_bytes())
    return held


async def found(page: Page) -> None:
    """Ask for the person on the page of erasure."""
    await page.goto("/admin/erasure")
    await page.get_by_label("A person, by an address").fill(ADDRESS)
    await page.get_by_role("button", name="Show what is stored").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("What is stored of a***@corp.example")
    assert "corp.example" not in page.url


async def looked_through(page: Page, service: ConsoleService, *, script: bool) -> None:
    """Let a worker look through everything for the person."""
    await page.get_by_role("link", name="Look through everything").click()
    await page.get_by_role("button", name="Look through everything").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("What is stored of a***@corp.example")
    await service.rows_until("SELECT 1 FROM inventories WHERE done_at IS NOT NULL")
    if not script:
        await page.reload()


@pytest.mark.parametrize("script", [True, False])
async def test_a_person_is_erased(tabs: Tabs, service: ConsoleService, *, script: bool) -> None:
    await enrolled(service)
    page = await tabs.open(service, java_script_enabled=script)
    await found(page)
    await looked_through(page, service, script=script)
    await expect(page.get_by_text("rows name a***@corp.example, in")).to_be_visible()
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Download all that is stored").click()
    stored = read(Path(await (await download.value).path()))
    assert {"events", "decisions", "enrollments"} <= set(stored["tables"])
    await page.get_by_role("link", name="Forget this person").click()
    await page.get_by_label("Reason, for the audit log").fill("ticket 7")
    await page.get_by_role("button", name="Forget this person").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Receipt of an erasure")
    await service.rows_until("SELECT 1 FROM forgettings WHERE done_at IS NOT NULL")
    if not script:  # with a script the page refreshes itself
        await page.reload()
    await expect(page.locator("#receipt")).to_contain_text("and done on")
    assert "ada" not in (await page.locator("#receipt").inner_text()).lower()
    await found(page)
    await expect(page.get_by_text("Nothing stands under a***@corp.example or a contact of it.")).to_be_visible()
    await expect(page.get_by_text("was forgotten on request")).to_be_visible()
    await looked_through(page, service, script=script)
    await expect(page.get_by_text("Nothing names a***@corp.example: everything was looked through")).to_be_visible()
