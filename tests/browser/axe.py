"""axe-core in a page: what it finds against WCAG 2.0 to 2.2, A and AA, and against its best practices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axe_playwright_python.base import AXE_SCRIPT

if TYPE_CHECKING:
    from playwright.async_api import Page

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice")
BY_COLOUR = ("color-contrast", "link-in-text-block")
# What takes time and is not shown is left out: the place of each element in the document.
OPTIONS = {"resultTypes": ["violations"], "selectors": False, "ancestry": False, "xpath": False}
RUN = "([options]) => axe.run(document, options)"


async def load_axe(page: Page) -> None:
    """Bring axe into a page, once for each document."""
    await page.evaluate(AXE_SCRIPT)


async def violations(page: Page, *, colours: bool = True, all_else: bool = True) -> list[str]:
    """Return what axe finds, each with the element: by the rules about colours, by all others, or by both."""
    chosen = {"type": "tag", "values": list(TAGS)} if all_else else {"type": "rule", "values": list(BY_COLOUR)}
    without = {name: {"enabled": colours} for name in BY_COLOUR}
    found: dict[str, Any] = await page.evaluate(RUN, [{**OPTIONS, "runOnly": chosen, "rules": without}])
    return [
        f"{one['id']}: {one['help']}: {node['html'][:160]} {_message(node)}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def _message(node: dict[str, Any]) -> str:
    checks = [*node.get("any", ()), *node.get("all", ()), *node.get("none", ())]
    return checks[0]["message"][:200] if checks else ""
