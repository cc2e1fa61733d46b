"""axe-core in a page: what it finds against WCAG 2.0 to 2.2, A and AA, and against its best practices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axe_playwright_python.base import AXE_SCRIPT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.async_api import Page

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice")
BY_COLOUR = ("color-contrast", "link-in-text-block")
BY_SIZE = ("target-size", "scrollable-region-focusable")
# What takes time and is not shown is left out: the place of each element in the document.
OPTIONS = {"resultTypes": ["violations"], "selectors": False, "ancestry": False, "xpath": False}
RUN = "([options]) => axe.run(document, options)"


async def load_axe(page: Page) -> None:
    """Bring axe into a page, once for each document."""
    await page.evaluate(AXE_SCRIPT)


async def violations(page: Page, *, only: Sequence[str] = (), but: Sequence[str] = ()) -> list[str]:
    """Return what axe finds, each with the element: by these rules only, or by all rules but some."""
    chosen = {"type": "rule", "values": list(only)} if only else {"type": "tag", "values": list(TAGS)}
    without = {name: {"enabled": False} for name in but}
    found: dict[str, Any] = await page.evaluate(RUN, [{**OPTIONS, "runOnly": chosen, "rules": without}])
    return [
        f"{one['id']}: {one['help']}: {node['html'][:160]} {_message(node)}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def _message(node: dict[str, Any]) -> str:
    checks = [*node.get("any", ()), *node.get("all", ()), *node.get("none", ())]
    return checks[0]["message"][:200] if checks else ""
