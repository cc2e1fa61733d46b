"""An account joins by OAuth: an admin makes a link, a person agrees at HubSpot, and who waited is enrolled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio
from playwright.async_api import expect

from app.accounts.encryption import new_key
from tests.support.console_service import ConsoleService, console_service
from tests.support.service import RULES, SECRETS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.browser.tabs import Tabs


@pytest_asyncio.fixture(loop_scope="session")
async def unconnected(database_url: str, sandbox: str) -> AsyncIterator[ConsoleService]:
    """A service whose account is not connected yet."""
    settings = {
        "hubspot_app_url": sandbox,
        "hubspot_client_id": "sandbox-client",
        "hubspot_client_secret": "sandbox-client-secret",
        "encryption_keys": new_key(),
    }
    rules = RULES.replace("version: 1\n", "version: 1\naccounts: {main: {oauth: true}}\n")
    async with console_service(database_url, sandbox, rules, SECRETS, own_url=True, settings=settings) as service:
        yield service


async def test_an_account_is_connected_and_what_waits_goes_on(tabs: Tabs, unconnected: ConsoleService) -> None:
    await unconnected.sign_up("ada@corp.example")
    await unconnected.rows_until("SELECT 1 FROM enrollments WHERE reason = 'account_not_connected'")
    page = await tabs.open(unconnected)

    await page.goto("/admin/accounts")
    await expect(page.locator("main")).to_contain_text("not connected")
    await page.get_by_role("link", name="main", exact=True).click()
    await page.get_by_role("link", name="Connect…").click()
    await page.get_by_role("button", name="Make the link").click()
    link = await page.get_by_label("The link").input_value()

    # The person who may give access: another browser, which is not signed in here.
    other = await tabs.open(unconnected, None)
    await other.goto(link)
    await other.get_by_role("button").click()
    await expect(other.locator("body")).to_contain_text("main")

    await unconnected.rows_until("SELECT 1 FROM enrollments WHERE state = 'enrolled'")
    await page.goto("/admin/accounts/main")
    await expect(page.locator(".head .state")).to_have_text("lets us in")
