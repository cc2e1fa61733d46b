"""Every page, in both colour schemes and at three widths: axe, no sideways scroll, controls large enough to hit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from tests.browser.axe import BY_COLOUR, BY_SIZE, load_axe, violations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.async_api import Page

    from tests.browser.furnished import Furnished
    from tests.browser.tabs import Tabs

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

    What is no colour is the same in both schemes. Below 62 rem only sizes depend on the width, and what 320 hides is
    there at 1360: at 768 nothing but sizes can be wrong by itself.
    """

    width: int
    scheme: Literal["light", "dark"]
    only: tuple[str, ...] = ()
    but: tuple[str, ...] = ()


LIGHT, DARK = Look(1360, "light"), Look(1360, "dark", only=BY_COLOUR)
ALL = (
    Look(NARROWEST, "light"),
    Look(NARROWEST, "dark", only=BY_COLOUR),
    Look(768, "light", only=BY_SIZE),
    LIGHT,
    DARK,
)
# For what has the colours of pages that were looked at more often.
QUICK = (Look(NARROWEST, "light", but=BY_COLOUR), LIGHT, DARK)


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
        answer = await page.goto(shown.url)
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
