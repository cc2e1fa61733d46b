"""Every page, in both colour schemes and at three widths: axe, no sideways scroll, controls large enough to hit.

Those that a form leads to are also walked through by the tabulator; `test_without_a_mouse.py` walks through all others.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal, NamedTuple

from tests.browser.axe import BY_COLOUR, BY_SIZE, load_axe, violations
from tests.browser.keyboard import CONTENT, walked
from tests.browser.led_to import AWAY, EXPECTED, TRIED, Led, answered, closed_to, follow, still
from tests.support.processes import WATCHDOG_SECONDS
from tests.support.service import close_database

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from playwright.async_api import Page

    from tests.browser.furnished import Furnished
    from tests.browser.tabs import Tabs
    from tests.support.console_service import ConsoleService
    from tests.support.postgres import Databases

HEIGHT = 900
NOT_THERE = 404
NARROWEST = 320  # CSS pixels: a page of 1280 at four times its size (WCAG 1.4.10)
# WCAG 2.5.8: 24 by 24 CSS pixels, but for links within a sentence, and for what the browser draws by itself.
SMALL = """
    () => [...document.querySelectorAll("button, input:not([type=hidden]), select, textarea, summary, a")]
      .filter((it) => it.checkVisibility({visibilityProperty: true}) && !it.matches(".skip, [type=checkbox]"))
      .filter((it) => it.tagName !== "A" || getComputedStyle(it).display !== "inline")
      .map((it) => [it.getBoundingClientRect(), it.outerHTML.slice(0, 120)])
      .filter(([box]) => box.height < 23.99 || box.width < 23.99)
      .map(([box, html]) => `${box.width}x${box.height}: ${html}`)
"""
# What makes the page scroll sideways: what ends beyond it, and is not in a part that scrolls by itself.
WIDE = """
    () => {
      const width = document.documentElement.clientWidth;
      if (document.documentElement.scrollWidth <= width) return [];
      const beyond = [...document.querySelectorAll("body *")]
        .filter((it) => it.getBoundingClientRect().right > width + .5 && !it.closest(".wide, pre"));
      return beyond.slice(-3).map((it) => it.outerHTML.slice(0, 120)).concat("");
    }
"""
# WCAG 1.4.12: a reader may space text like this, and nothing may be lost by it.
SPACED = """
    () => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: .12em !important;
        word-spacing: .16em !important; } p { margin-bottom: 2em !important; }`);
      document.adoptedStyleSheets.push(sheet);
    }
"""


class Look(NamedTuple):
    """A width, a scheme, and the rules of axe by which a page is looked at: these only, or all but some.

    What is no colour is the same in both schemes, and no colour depends on the width: `test_rendering.py` holds that.
    Below 62 rem only sizes depend on the width, and what 320 hides is there at 1360: at 768 nothing but sizes can be
    wrong by itself.
    """

    width: int
    scheme: Literal["light", "dark"]
    only: tuple[str, ...] = ()
    but: tuple[str, ...] = ()


LIGHT, DARK = Look(1360, "light"), Look(1360, "dark", only=BY_COLOUR)
NARROW, MEDIUM = Look(NARROWEST, "light", but=BY_COLOUR), Look(768, "light", only=BY_SIZE)
ALL = (NARROW, MEDIUM, LIGHT, DARK)
QUICK = (MEDIUM._replace(width=NARROWEST), LIGHT, DARK)  # for pages that were looked at with more in them


async def _wrong(page: Page, looks: Sequence[Look]) -> list[str]:
    """Return what is wrong with the page that is open."""
    found = []
    await load_axe(page)
    for width, scheme, only, but in looks:
        await page.set_viewport_size({"width": width, "height": HEIGHT})
        await page.emulate_media(color_scheme=scheme)
        found += [f"{width} {scheme} {one}" for one in await violations(page, only=only, but=but)]
        found += [f"{width} small {one}" for one in await page.evaluate(SMALL)]
        found += [f"{width} scrolls sideways: {one}" for one in await page.evaluate(WIDE)]
    await page.set_viewport_size({"width": NARROWEST, "height": HEIGHT})
    await page.evaluate(SPACED)
    return found + [f"with text spaced it scrolls sideways: {one}" for one in await page.evaluate(WIDE)]


async def _wrong_pages(tabs: Tabs, furnished: Furnished, looks: Sequence[Look]) -> str:
    """Return what is wrong with each page of a service, a line each."""
    page = await tabs.open(furnished.service)
    wrong: list[str] = []
    missing = False
    for shown in furnished.pages:
        answer = await page.goto(still(shown.url))
        if answer and answer.status == NOT_THERE and missing:
            continue  # it looks as the one before
        missing = missing or bool(answer and answer.status == NOT_THERE)
        wrong += [f"{shown.name}: {one}" for one in await _wrong(page, looks)]
    return "\n".join(wrong)


async def test_every_page_is_accessible(tabs: Tabs, calm: Furnished) -> None:
    assert not (wrong := await _wrong_pages(tabs, calm, ALL)), wrong


async def test_every_page_is_accessible_with_nothing_stored(tabs: Tabs, bare: Furnished) -> None:
    tabs.expected = {NOT_THERE}  # a page of one thing says that it is not there
    assert not (wrong := await _wrong_pages(tabs, bare, QUICK)), wrong


async def _wrong_led(page: Page, all_led: Iterable[Led]) -> list[str]:
    """Return what is wrong with pages that a form leads to, opened one after the other."""
    found = []
    for led in all_led:
        await follow(page, led)
        found += [f"{led.name}: {one}" for one in await _wrong_walked(page)]
    return found


async def _wrong_walked(page: Page) -> list[str]:
    missed, unseen = await walked(page, CONTENT)
    wrong = [f"not reached in its turn: {one}" for one in missed] + [f"focus not seen: {one}" for one in unseen]
    return [*wrong, *await _wrong(page, ALL)]


async def test_every_page_that_a_form_leads_to_is_accessible(tabs: Tabs, calm: Furnished) -> None:
    tabs.expected = EXPECTED
    wrong = []
    for role in dict.fromkeys(led.role for led in calm.led):
        page = await tabs.open(calm.service, role)
        wrong += await _wrong_led(page, [led for led in calm.led if led.role is role])
    assert not wrong, "\n".join(wrong)


async def test_a_sign_in_that_is_tried_too_often_is_accessible(tabs: Tabs, service: ConsoleService) -> None:
    tabs.expected = EXPECTED
    page = await tabs.open(service, None)
    async with asyncio.timeout(WATCHDOG_SECONDS):
        while await answered(page, TRIED) != TRIED.status:
            pass  # each second one token is looked at
    assert not (wrong := await _wrong_walked(page)), "\n".join(wrong)


async def test_a_service_without_a_way_in_and_one_without_its_store_are_accessible(
    tabs: Tabs, closed: ConsoleService, postgres: Databases
) -> None:
    tabs.expected = EXPECTED
    page = await tabs.open(closed, None)
    wrong = await _wrong_led(page, await closed_to(closed))
    await close_database(postgres.url, closed.database_url)
    wrong += await _wrong_led(page, AWAY)
    assert not wrong, "\n".join(wrong)
