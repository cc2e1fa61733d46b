"""A person who has no mouse: every control is reached by the tabulator, and is seen to have the focus."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

MOST_STOPS = 200
CONTENT = "#live, body.bare main"  # of a page, without what stands around every page
# Where the walk begins: as if a link led there.
BEGIN = "(within) => { location.hash = document.querySelector(within)?.id ?? ''; }"
# What is there to be reached. A focus is seen by its outline, or by a link that comes into view.
CONTROLS = """
    (within) => {
      const kinds = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
      window.controls = [...document.querySelectorAll(within)].flatMap((part) => [...part.querySelectorAll(kinds)])
        .filter((it) => it.checkVisibility() && !it.disabled);
      window.reached = [];
      document.addEventListener("focusin", ({target}) => {
        const style = getComputedStyle(target), box = target.getBoundingClientRect();
        const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && box.right > 0;
        window.reached.push([window.controls.indexOf(target), seen]);
      });
      return window.controls.length;
    }
"""
# A date and a time are fields within a field, each with a stop of its own.
STOPS = "() => controls.length + 6 * controls.filter((it) => it.matches('[type^=date], [type=time]')).length"


async def walked(page: Page, within: str = "body") -> tuple[list[str], list[str]]:
    """Press the tabulator through the page; return the controls that it misses, and those that do not look focused.

    One that is reached before another that stands before it counts as missed.
    """
    count = await page.evaluate(CONTROLS, within)
    if within != "body":
        await page.evaluate(BEGIN, within)
    for _ in range(await page.evaluate(STOPS)):
        await page.keyboard.press("Tab")
    reached: dict[int, bool] = {}
    for index, seen in await page.evaluate("reached"):
        reached[index] = reached.get(index, False) or seen
    html: list[str] = await page.evaluate("controls.map((it) => it.outerHTML.slice(0, 120))")
    late = {after for before, after in pairwise(at for at in reached if at >= 0) if after < before}
    return [html[at] for at in range(count) if at not in reached or at in late], [
        html[at] for at in range(count) if not reached.get(at)
    ]


async def go_to(page: Page, wanted: Locator) -> None:
    """Press the tabulator until the control has the focus. Raises AssertionError where it is not among the stops."""
    await wanted.wait_for()
    for _ in range(MOST_STOPS):
        await page.keyboard.press("Tab")
        if await wanted.evaluate("it => it === document.activeElement"):
            return
    raise AssertionError(f"not reached by {MOST_STOPS} stops: {wanted}")


async def press(page: Page, wanted: Locator) -> None:
    """Go to a link or a button by the tabulator, and press it."""
    await go_to(page, wanted)
    await page.keyboard.press("Enter")
