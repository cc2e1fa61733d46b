"""A person is looked for by the address, and the page says in a sentence to paste what became of the lead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from app.operators import Role

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.browser.furnished import Furnished
    from tests.browser.tabs import Tabs

ADDRESS = "ada.okafor@brightmill.example"


async def find(page: Page, what: str) -> None:
    """Type something into the find box of any page."""
    await page.goto("/admin/overview")
    await page.keyboard.press("/")
    await page.keyboard.type(what)
    await page.keyboard.press("Enter")


async def test_a_person_is_found_and_why_is_read_and_copied(tabs: Tabs, calm: Furnished) -> None:
    page = await tabs.open(calm.service, Role.OPERATOR, permissions=["clipboard-read", "clipboard-write"])
    await find(page, f"  {ADDRESS.upper()} ")
    receipt = page.locator("#receipt")
    await expect(receipt).to_contain_text("Ada Okafor was enrolled in")
    await expect(receipt).to_contain_text("inbox, by the rule “Demo form, companies of 50 and more”")
    await expect(receipt).to_contain_text("A reply came")
    assert "okafor" not in page.url
    await page.get_by_role("button", name="Copy as text").click()
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("Ada Okafor was enrolled in")
    # Why the second lead of the same person came to nothing, and what the rule read.
    story = page.locator(".story")
    await expect(story).to_contain_text("The CRM qualified a lead")
    await page.get_by_role("link", name="demo-form").first.click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("form_response from demo-form")
    await expect(page.locator(".looked")).to_contain_text("event.data.employees was 80")


async def test_a_viewer_finds_a_person_and_sees_no_address(tabs: Tabs, calm: Furnished) -> None:
    page = await tabs.open(calm.service, Role.VIEWER)
    await find(page, ADDRESS)
    await expect(page.locator("#receipt")).to_contain_text("Ada Okafor was enrolled in")
    assert ADDRESS not in await page.content()
    await expect(page.get_by_role("button", name="Show the address")).to_have_count(0)


async def test_an_operator_is_shown_the_address_and_the_log_says_so(tabs: Tabs, calm: Furnished) -> None:
    page = await tabs.open(calm.service, Role.OPERATOR)
    await find(page, ADDRESS)
    shown = "SELECT count(*) FROM audit WHERE what LIKE 'POST /admin/people/%/show' AND who = 'olga'"
    before = await calm.service.rows(shown)
    await page.get_by_role("button", name="Show the address").click()
    await expect(page.locator(".head")).to_contain_text(ADDRESS)
    assert await calm.service.rows(shown) == [(before[0][0] + 1,)]
    await page.reload()


async def test_an_address_of_which_nothing_is_stored_has_a_page_that_says_so(tabs: Tabs, calm: Furnished) -> None:
    page = await tabs.open(calm.service, Role.OPERATOR)
    await find(page, "stranger@elsewhere.example")
    await expect(page.get_by_role("heading", level=1)).to_have_text("s***@elsewhere.example")
    await expect(page.locator("#receipt")).to_contain_text("Nothing is stored about s***@elsewhere.example: no event")
    await expect(page.locator(".story")).to_have_count(0)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("evt_0000", "Nothing has the id evt_0000."),
        ("98765432101", "No enrollment of the contact 98765432101 is stored."),
        ("a thing", "“a thing” is no address and no id."),
    ],
)
async def test_what_is_not_there_is_said(tabs: Tabs, calm: Furnished, what: str, said: str) -> None:
    page = await tabs.open(calm.service, Role.OPERATOR)
    await find(page, what)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Nothing found")
    await expect(page.get_by_role("status")).to_have_text(said)
