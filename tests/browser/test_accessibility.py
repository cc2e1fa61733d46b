"""Every page, in both colour schemes and at three widths: axe, no sideways scroll, controls large enough to hit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser.axe import load_axe, violations

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.browser.furnished import Furnished
    from tests.browser.tabs import Tabs

WIDTHS = (320, 768, 1360)
HEIGHT = 900
SAME_COLOURS = 768  # as at 320: below 62 rem nothing but sizes depends on the width
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
WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
# WCAG 1.4.12: a reader may space text like this, and nothing may be lost by it.
SPACED = """
    () => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: .12em !important;
        word-spacing: .16em !important; } p { margin-bottom: 2em !important; }`);
      document.adoptedStyleSheets.push(sheet);
    }
"""


async def _wrong(page: Page) -> list[str]:
    """Return what is wrong with the page that is open, at any width and in either scheme."""
    found = []
    await load_axe(page)
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": HEIGHT})
        colours = width != SAME_COLOURS
        found += [f"{width} {one}" for one in await violations(page, colours=colours)]
        if colours:  # what is no colour is the same in both schemes
            await page.emulate_media(color_scheme="dark")
            found += [f"{width} dark {one}" for one in await violations(page, all_else=False)]
            await page.emulate_media(color_scheme="light")
        found += [f"{width} small {one}" for one in await page.evaluate(SMALL)]
        if beyond := await page.evaluate(WIDE):
            found.append(f"{width} scrolls sideways by {beyond} pixels")
    await page.set_viewport_size({"width": NARROWEST, "height": HEIGHT})
    await page.evaluate(SPACED)
    if beyond := await page.evaluate(WIDE):
        found.append(f"with text spaced it scrolls sideways by {beyond} pixels")
    return found


async def _wrong_pages(tabs: Tabs, furnished: Furnished) -> str:
    """Return what is wrong with each page of a service, a line each."""
    page = await tabs.open(furnished.service)
    wrong: list[str] = []
    missing = False
    for shown in furnished.pages:
        answer = await page.goto(shown.url)
        if answer and answer.status == NOT_THERE and missing:
            continue  # it looks as the one before
        missing = missing or bool(answer and answer.status == NOT_THERE)
        wrong += [f"{shown.name}: {one}" for one in await _wrong(page)]
    return "\n".join(wrong)


async def test_every_page_is_accessible(tabs: Tabs, calm: Furnished) -> None:
    assert not (wrong := await _wrong_pages(tabs, calm)), wrong


async def test_every_page_is_accessible_with_nothing_stored(tabs: Tabs, bare: Furnished) -> None:
    tabs.expected = {NOT_THERE}  # a page of one thing says that it is not there
    assert not (wrong := await _wrong_pages(tabs, bare)), wrong
