"""Pages that refresh themselves: without a person's doing, never under a person's hands, and over a store that goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.async_api import expect

from tests.support.service import close_database, open_database

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.browser.furnished import Furnished
    from tests.browser.tabs import Tabs
    from tests.support.console_service import ConsoleService
    from tests.support.postgres import Databases

OVERVIEW = "/admin/overview"
INTERVAL = 16_000  # milliseconds; a page refreshes itself every 15 seconds


async def live(tabs: Tabs, service: ConsoleService) -> Page:
    """Open a page that refreshes itself, whose clock the test moves on."""
    page = await tabs.open(service)
    await page.clock.install()
    await page.goto(OVERVIEW)
    return page


def requests_of(page: Page) -> list[str]:
    """Return a list that grows by each request for the page itself."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if OVERVIEW in request.url else None)
    return asked


async def refreshed(page: Page, status: int = 200) -> None:
    """Let the page's time come, and wait for its answer; a page takes the place of the one before, with a new clock."""
    await page.locator("#live").evaluate("it => it.dataset.before = ''")
    async with page.expect_response(lambda response: OVERVIEW in response.url) as response:
        await page.clock.fast_forward(INTERVAL)
    assert (await response.value).status == status
    if status == 200:
        await expect(page.locator("#live:not([data-before])")).to_be_attached()


async def loaded(page: Page) -> None:
    """Load the page again until the store is back."""
    while (answer := await page.reload()) is None or answer.status != 200:
        pass


async def test_a_live_page_shows_what_has_come_since(tabs: Tabs, service: ConsoleService) -> None:
    page = await live(tabs, service)
    data = {"email": "ada@corp.example", "employees": 80, "first_name": "Ada"}
    await service.deliver("crm", {"type": "signup", "data": data})
    await service.rows_until("SELECT 1 FROM enrollments WHERE state = 'enrolled'")
    before = await page.locator("#live").inner_text()
    while await page.locator("#live").inner_text() == before:  # figures are kept for some seconds
        await refreshed(page)


async def test_a_live_page_says_of_when_it_is(tabs: Tabs, calm: Furnished) -> None:
    page = await live(tabs, calm.service)
    before = await page.locator("#as-of").inner_text()
    while await page.locator("#as-of").inner_text() == before:
        await refreshed(page)
    assert await page.locator("#as-of").inner_text() > before


async def test_a_live_page_whose_session_has_ended_keeps_what_it_shows(tabs: Tabs, calm: Furnished) -> None:
    page = await live(tabs, calm.service)
    await page.context.clear_cookies()
    await refreshed(page, status=303)
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.get_by_role("heading", name="The last 24 hours")).to_be_visible()
    await page.get_by_role("link", name="Load it again").click()
    await expect(page).to_have_title("Sign in · Segue")


async def test_a_live_page_waits_while_a_person_is_busy_in_it(tabs: Tabs, calm: Furnished) -> None:
    page = await live(tabs, calm.service)
    asked = requests_of(page)
    link = page.locator("#live a").first
    await link.focus()
    await page.clock.fast_forward(INTERVAL)
    assert asked == []
    assert await link.evaluate("it => it === document.activeElement")
    await page.evaluate("document.activeElement.blur()")
    await refreshed(page)


async def test_refreshing_is_stopped_by_a_link(tabs: Tabs, calm: Furnished) -> None:
    page = await live(tabs, calm.service)
    await page.get_by_role("link", name="stop refreshing").click()
    asked = requests_of(page)
    await page.clock.fast_forward(10 * INTERVAL)
    assert asked == []
    await page.get_by_role("link", name="refresh by itself").click()
    await expect(page.get_by_role("link", name="stop refreshing")).to_be_visible()
    await page.wait_for_load_state()
    await refreshed(page)


async def test_the_store_goes_away_and_comes_back(tabs: Tabs, service: ConsoleService, postgres: Databases) -> None:
    tabs.expected = {503}
    page = await live(tabs, service)
    other = await tabs.open(service)
    await close_database(postgres.url, service.database_url)
    answer = await other.goto("/admin/audit?period=7d")
    assert answer
    assert answer.status == 503
    await expect(other.locator("main")).to_contain_text("does not answer")
    assert await other.get_by_role("link", name="Try again").get_attribute("href") == "/admin/audit?period=7d"
    # The page that was open keeps what it had, and says that this is old.
    await refreshed(page, status=503)
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.get_by_role("heading", name="The last 24 hours")).to_be_visible()
    await open_database(postgres.url, service.database_url)
    await loaded(other)
    await refreshed(page)
    await expect(page.get_by_role("alert")).to_be_hidden()
    await expect(page.get_by_role("heading", name="The last 24 hours")).to_be_visible()
