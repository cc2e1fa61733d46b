"""What a page is without a mouse, without a script, and on paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.browser.furnished import Furnished
    from tests.browser.tabs import Tabs

CONTROLS = """
    () => {
      const kinds = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
      window.controls = [...document.querySelectorAll(kinds)].filter((it) => it.checkVisibility() && !it.disabled);
      return window.controls.length;
    }
"""
# A date and a time are fields within a field, each with a stop of its own.
STOPS = "() => controls.length + 6 * controls.filter((it) => it.matches('[type^=date], [type=time]')).length"
# A focus is seen by its outline, or by a link that comes into view.
FOCUSED = """
    () => {
      const it = document.activeElement, style = getComputedStyle(it), box = it.getBoundingClientRect();
      const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && box.right > 0;
      return [window.controls.indexOf(it), seen];
    }
"""


async def walked(page: Page) -> tuple[list[str], list[str]]:
    """Press the tabulator through the page; return the controls that it misses, and those that do not look focused."""
    reached: dict[int, bool] = {}
    count = await page.evaluate(CONTROLS)
    for _ in range(await page.evaluate(STOPS)):
        await page.keyboard.press("Tab")
        index, seen = await page.evaluate(FOCUSED)
        reached[index] = reached.get(index, False) or seen
    html: list[str] = await page.evaluate("controls.map((it) => it.outerHTML.slice(0, 120))")
    return [html[at] for at in range(count) if at not in reached], [
        html[at] for at in range(count) if not reached.get(at)
    ]


async def test_the_tabulator_reaches_every_control_and_the_focus_is_seen(tabs: Tabs, calm: Furnished) -> None:
    page = await tabs.open(calm.service)
    for shown in calm.pages:
        await page.goto(shown.url)
        assert await walked(page) == ([], []), shown.name


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
    for around in (".rail", ".top", ".filters", ".pager"):
        assert not await page.locator(around).first.is_visible(), around
    assert await page.get_by_role("heading", name="Audit log").is_visible()
    assert await page.locator("tbody tr").first.is_visible()
    assert await page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
