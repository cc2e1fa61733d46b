"""`make shots`: pictures of every page, with a calm week, with nothing stored, and broken; two schemes, three widths.

Words after the command choose pages: those whose path has one of them.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.async_api import async_playwright

from app.operators import Role
from tests.browser.furnished import Furnished, Shown, furnished
from tests.browser.tabs import Tabs
from tests.support.chromium import MISSING, find_chromium
from tests.support.postgres import TEMPLATE, Databases, shared_server
from tests.support.processes import ROOT
from tests.support.sandbox import SandboxServer
from tests.support.service import close_database

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.async_api import Page

FOLDER = ROOT / "shots"
WIDTHS = {320: 720, 768: 1024, 1360: 900}
SCHEMES = ("light", "dark")


async def shoot(page: Page, folder: Path, *shown: Shown) -> None:
    """Take the pictures of some pages in a browser's page."""
    for one in shown:
        await page.goto(one.url)
        for width, height in WIDTHS.items():
            await page.set_viewport_size({"width": width, "height": height})
            for scheme in SCHEMES:
                await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of its two words
                await page.screenshot(path=folder / f"{_file(one.name)}-{scheme}-{width}.png", full_page=True)


def _file(route: str) -> str:
    """Return the name of a route as a file's."""
    return re.sub(r"[^a-z0-9]+", "-", route.removeprefix("/admin").lower()).strip("-") or "first"


async def take(chromium: str, server_url: str, databases: Databases, words: Sequence[str]) -> None:
    """Take all pictures."""
    async with AsyncExitStack() as stack:
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tabs = Tabs(browser)
        week, nothing = [await _service(stack, databases, filled=filled) for filled in (True, False)]
        for name, one in (("week", week), ("nothing", nothing)):
            chosen = [shown for shown in one.pages if not words or any(word in shown.name for word in words)]
            await shoot(await tabs.open(one.service), FOLDER / name, *chosen)
        broken, page = FOLDER / "broken", await tabs.open(week.service)
        await shoot(await tabs.open(week.service, None), broken, Shown("sign-in", "/admin/sign-in"))
        await shoot(await tabs.open(week.service, Role.VIEWER), broken, Shown("not-allowed", "/admin/audit"))
        await shoot(page, broken, Shown("not-there", "/admin/nothing"))
        await close_database(server_url, week.service.database_url)
        await shoot(page, broken, Shown("store-away", "/admin/audit"))
        await browser.close()


async def _service(stack: AsyncExitStack, databases: Databases, *, filled: bool) -> Furnished:
    sandbox = stack.enter_context(stack.enter_context(SandboxServer()).fresh())
    database = stack.enter_context(databases.database(template=TEMPLATE))
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    return await stack.enter_async_context(furnished(database, sandbox, folder, filled=filled))


def main() -> None:
    """Take the pictures, and say where they are."""
    chromium = find_chromium()
    if chromium is None:
        sys.exit(f"shots: {MISSING}")
    shutil.rmtree(FOLDER, ignore_errors=True)
    with shared_server() as url, Databases(url, "shots") as databases:
        asyncio.run(take(chromium, url, databases, sys.argv[1:]))
    print(f"shots: {len(list(FOLDER.rglob('*.png')))} pictures in {FOLDER}")  # noqa: T201  # a script


if __name__ == "__main__":
    main()
