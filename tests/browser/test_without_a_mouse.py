"""What a page is without a mouse, without a script, and on paper."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from app.clock import utc_now
from app.console.text import dated
from tests.browser.furnished import A4
from tests.browser.keyboard import CONTENT, walked
from tests.browser.led_to import still

if TYPE_CHECKING:
    from tests.browser.furnished import Furnished
    from tests.browser.tabs import Tabs


async def test_the_tabulator_reaches_every_control_and_the_focus_is_seen(tabs: Tabs, calm: Furnished) -> None:
    """The first page is walked as a whole: what stands around the others is the same."""
    page = await tabs.open(calm.service)
    for within, pages in (("body", calm.pages[:1]), (CONTENT, calm.pages[1:])):
        for shown in pages:
            await page.goto(still(shown.url))
            assert await walked(page, within) == ([], []), shown.name


async def test_the_first_stop_skips_the_rail(tabs: Tabs, calm: Furnished) -> None:
    page = await tabs.open(calm.service)
    await page.goto("/admin/audit")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.id") == "find"


async def test_a_slash_goes_to_the_find_box_but_not_out_of_a_field(tabs: Tabs, calm: Furnished) -> None:
    page = await tabs.open(calm.service)
    await page.goto("/admin/audit")
    await page.keyboard.press("/")
    assert await page.evaluate("document.activeElement.id") == "find"
    await page.fill("#who", "")
    await page.focus("#who")
    await page.keyboard.press("/")
    assert await page.input_value("#who") == "/"


async def test_a_list_is_narrowed_and_turned_without_a_script(tabs: Tabs, calm: Furnished) -> None:
    page = await tabs.open(calm.service, java_script_enabled=False)
    await page.goto("/admin/audit?period=30d")
    first = await page.locator("tbody tr").count()
    await page.get_by_role("link", name="older").click()
    await page.wait_for_url("**before=**")
    rest = await page.locator("tbody tr").count()
    assert (first, rest > 0) == (50, True)
    await page.get_by_label("Who").fill("jonas")
    await page.get_by_role("button", name="Narrow").click()
    await page.wait_for_url("**who=jonas**")
    names = await page.locator("tbody td:nth-child(2)").all_inner_texts()
    assert names
    assert all(name.startswith("jonas") for name in names)
    assert await page.get_by_label("Who").input_value() == "jonas"


async def test_buttons_that_need_a_script_are_not_there_without_one(tabs: Tabs, calm: Furnished) -> None:
    one = next((shown for shown in calm.pages if "{enrollment_id}" in shown.name), None)
    assert one
    for script in (True, False):
        page = await tabs.open(calm.service, java_script_enabled=script)
        await page.goto(one.url)
        assert await page.get_by_role("button", name="Copy as text").is_visible() is script


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_paper_gets_the_page_without_what_is_around_it(tabs: Tabs, calm: Furnished, scheme: str) -> None:
    page = await tabs.open(calm.service, color_scheme=scheme)
    await page.goto("/admin/audit")
    await page.emulate_media(media="print")
    for around in (".rail", ".find", ".filters", ".pager"):
        assert not await page.locator(around).first.is_visible(), around
    assert await page.get_by_role("heading", name="Audit log").is_visible()
    assert await page.locator("tbody tr").first.is_visible()
    assert await page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    assert f"As of {dated(utc_now(), ZoneInfo('Europe/Berlin'))}" in await page.locator("#as-of").inner_text()


# What a sheet of paper would cut off: it ends beyond the page, or lies in a part that scrolls.
CUT_OFF = """
    () => [...document.querySelectorAll("main *")]
      .filter((it) => it.checkVisibility() && !it.matches(".unseen, .unseen *"))
      .filter((it) => it.getBoundingClientRect().right > document.documentElement.clientWidth + .5
        || (it.scrollWidth > it.clientWidth + 1 && getComputedStyle(it).overflowX !== "visible")
        || (it.scrollHeight > it.clientHeight + 1 && getComputedStyle(it).overflowY !== "visible"))
      .map((it) => it.outerHTML.slice(0, 120))
"""


async def test_a_sheet_of_paper_cuts_nothing_off_and_has_no_buttons(tabs: Tabs, calm: Furnished) -> None:
    page = await tabs.open(calm.service, viewport={"width": A4, "height": 1000})
    await page.emulate_media(media="print")
    for shown in calm.pages:
        await page.goto(still(shown.url))
        assert await page.evaluate(CUT_OFF) == [], shown.name
        assert await page.locator("button:visible, .button:visible").count() == 0, shown.name
