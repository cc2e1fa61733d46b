"""`make shots`: pictures of every page, with a calm week, with nothing stored, and broken; two schemes, three widths.

What no plain link leads to stands in `led`, and some pages as they are printed in `paper`. Words after the command
choose pages: those whose path or name has one of them.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
import tempfile
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from playwright.async_api import async_playwright

from tests.browser.furnished import A4, PRINTED, Furnished, Shown, closed_service, furnished
from tests.browser.led_to import AWAY, Led, closed_to, follow
from tests.browser.tabs import Tabs
from tests.support.chromium import MISSING, find_chromium
from tests.support.postgres import TEMPLATE, Databases, shared_server
from tests.support.processes import ROOT
from tests.support.sandbox import SandboxServer
from tests.support.service import close_database

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from playwright.async_api import Page

One = TypeVar("One", Shown, Led)
FOLDER = ROOT / "shots"
WIDTHS = {320: 720, 768: 1024, 1360: 900}
SCHEMES = ("light", "dark")


async def shoot(page: Page, folder: Path, *shown: Shown) -> None:
    """Take the pictures of some pages in a browser's page."""
    for one in shown:
        await page.goto(one.url)
        await _pictures(page, folder / _file(one.name))


async def _shoot_led(page: Page, folder: Path, *all_led: Led) -> None:
    for led in all_led:
        await follow(page, led)
        await _pictures(page, folder / led.name)


async def _shoot_paper(page: Page, folder: Path, *shown: Shown) -> None:
    """Take pictures of what a sheet of A4 has, at the width that is left between its margins."""
    await page.set_viewport_size({"width": A4, "height": 1000})
    await page.emulate_media(media="print")
    for one in shown:
        await page.goto(one.url)
        await page.screenshot(path=folder / f"{_file(one.name)}.png", full_page=True)
        await page.pdf(path=folder / f"{_file(one.name)}.pdf", prefer_css_page_size=True)


async def _pictures(page: Page, file: Path) -> None:
    for width, height in WIDTHS.items():
        await page.set_viewport_size({"width": width, "height": height})
        for scheme in SCHEMES:
            await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of its two words
            await page.screenshot(path=f"{file}-{scheme}-{width}.png", full_page=True)


def _file(route: str) -> str:
    """Return the name of a route as a file's."""
    return re.sub(r"[^a-z0-9]+", "-", route.removeprefix("/admin").lower()).strip("-") or "first"


async def take(chromium: str, databases: Databases, words: Sequence[str]) -> None:
    """Take all pictures."""
    chosen = partial(_chosen, words)
    async with AsyncExitStack() as stack:
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tabs = Tabs(browser)
        week, nothing = [await _service(stack, databases, filled=filled) for filled in (True, False)]
        for name, one in (("week", week), ("nothing", nothing)):
            await shoot(await tabs.open(one.service), FOLDER / name, *chosen(one.pages))
        for role in dict.fromkeys(led.role for led in week.led):
            led = chosen(led for led in week.led if led.role is role)
            await _shoot_led(await tabs.open(week.service, role), FOLDER / "led", *led)
        paper = chosen(one for one in week.pages if one.name in PRINTED)
        await _shoot_paper(await tabs.open(week.service), FOLDER / "paper", *paper)
        if not words:
            await _broken(stack, databases, tabs)
        await browser.close()


def _chosen(words: Sequence[str], of: Iterable[One]) -> list[One]:
    return [one for one in of if not words or any(word in one.name for word in words)]


async def _broken(stack: AsyncExitStack, databases: Databases, tabs: Tabs) -> None:
    """Take pictures of a service without a way to sign in but a link, and then without its database."""
    sandbox = stack.enter_context(stack.enter_context(SandboxServer()).fresh())
    database = stack.enter_context(databases.database(template=TEMPLATE))
    service = await stack.enter_async_context(closed_service(database, sandbox))
    page = await tabs.open(service, None)
    await _shoot_led(page, FOLDER / "broken", *await closed_to(service))
    await close_database(databases.url, database)
    await _shoot_led(page, FOLDER / "broken", *AWAY)


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
        asyncio.run(take(chromium, databases, sys.argv[1:]))
    print(f"shots: {len(list(FOLDER.rglob('*.png')))} pictures in {FOLDER}")  # noqa: T201  # a script


if __name__ == "__main__":
    main()
