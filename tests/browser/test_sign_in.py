"""People come in by a token, by a link and by an identity provider; a viewer looks and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio
from playwright.async_api import expect

from tests.support.console_service import ConsoleService, console_service
from tests.support.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider, identity_provider
from tests.support.service import OPERATOR_TOKEN, RULES, SECRETS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.browser.furnished import Furnished
    from tests.browser.tabs import Tabs


async def test_a_token_is_pasted_once_and_signing_out_ends_it(tabs: Tabs, calm: Furnished) -> None:
    page = await tabs.open(calm.service, None)
    await page.goto("/admin/enrollments?state=parked")
    await expect(page).to_have_title("Sign in · Segue")
    tabs.expected = {403}
    await page.get_by_label("Token").fill("made-up-and-wrong-0123456789abcdefghijklm")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_have_text("This token is none of SEGUE_TOKENS.")
    await page.get_by_label("Token").fill(OPERATOR_TOKEN)
    await page.get_by_label("Token").press("Enter")
    await expect(page).to_have_url(f"{calm.service.url}/admin/enrollments?state=parked")
    await expect(page.locator(".rail .foot")).to_contain_text("olga · operator")
    (cookie,) = await page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/")
    await page.get_by_role("button", name="Sign out").click()
    await expect(page).to_have_title("Sign in · Segue")
    await page.context.add_cookies([cookie])  # type: ignore[list-item]  # what was given may be given back
    await page.goto("/admin/enrollments")
    await expect(page).to_have_title("Sign in · Segue")


@pytest_asyncio.fixture(loop_scope="session")
async def provider() -> AsyncIterator[IdentityProvider]:
    """An identity provider."""
    async with identity_provider() as provider:
        yield provider


@pytest_asyncio.fixture(loop_scope="session")
async def joined(database_url: str, sandbox: str, provider: IdentityProvider) -> AsyncIterator[ConsoleService]:
    """A service whose people sign in by the provider."""
    settings = {
        "oidc_issuer": provider.issuer,
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": CLIENT_SECRET,
        "oidc_roles": "viewer crm\noperator desk",
    }
    async with console_service(database_url, sandbox, RULES, SECRETS, own_url=True, settings=settings) as service:
        yield service


async def test_a_viewer_of_the_provider_is_refused_a_change(tabs: Tabs, joined: ConsoleService) -> None:
    await joined.sandbox("faults", [{"kind": "status", "code": "DOWNGRADE"}])
    data = {"email": "ada@corp.example", "employees": 80, "first_name": "Ada"}
    await joined.deliver("crm", {"type": "signup", "data": data})
    ((parked,),) = await joined.rows_until("SELECT id FROM enrollments WHERE state = 'parked'")
    page = await tabs.open(joined, None)
    await page.goto(f"/admin/enrollments/{parked}")
    await page.get_by_role("link", name="Sign in by").click()
    await expect(page).to_have_url(f"{joined.url}/admin/enrollments/{parked}")
    await expect(page.locator(".rail .foot")).to_contain_text("Cara Conti · viewer")
    assert "ada@" not in await page.content()
    await expect(page.get_by_role("link", name="Release…")).to_have_count(0)
    tabs.expected = {403}
    await page.goto(f"/admin/enrollments/{parked}/release")
    await expect(page.get_by_role("heading")).to_have_text("You may not do that")
    await expect(page.locator("main")).to_contain_text("This needs the role operator; Cara Conti is viewer.")
    assert await joined.rows("SELECT state FROM enrollments") == [("parked",)]
    (line,) = await joined.rows("SELECT role, outcome FROM audit WHERE what LIKE '%/release'")
    assert tuple(line) == ("viewer", "refused")
