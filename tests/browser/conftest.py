"""A real browser, and real services that it calls.

All tests here run on one event loop of their worker, which the browser belongs to.
"""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright, expect

from tests.browser.furnished import Furnished, closed_service, furnished
from tests.browser.tabs import PATIENCE, Tabs
from tests.support.chromium import MISSING, find_chromium
from tests.support.console_service import ConsoleService, console_service
from tests.support.postgres import TEMPLATE
from tests.support.sandbox import SandboxServer
from tests.support.service import RULES, SECRETS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractAsyncContextManager

    from playwright.async_api import Browser

    from tests.support.postgres import Databases

    Furnish = Callable[..., AbstractAsyncContextManager[Furnished]]

HERE = Path(__file__).parent
expect.set_options(timeout=PATIENCE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of this folder on the loop of the session."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium; without one the tests do not run, which is a failure where CI is set."""
    path = find_chromium()
    if path is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(MISSING)
    return path


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """One browser for all tests of a worker."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def tabs(browser: Browser) -> AsyncIterator[Tabs]:
    """Opens pages for people of each role; in the end none may have said anything on its console."""
    tabs = Tabs(browser)
    yield tabs
    await tabs.close()


@pytest.fixture
def sandbox() -> Iterator[str]:
    """The URL of a sandbox of this test's own."""
    with SandboxServer() as server, server.fresh() as url:
        yield url


@pytest_asyncio.fixture(loop_scope="session")
async def service(database_url: str, sandbox: str) -> AsyncIterator[ConsoleService]:
    """A service of this test's own, with nothing stored."""
    async with console_service(database_url, sandbox, RULES, SECRETS) as service:
        yield service


@pytest_asyncio.fixture(loop_scope="session")
async def closed(database_url: str, sandbox: str) -> AsyncIterator[ConsoleService]:
    """A service of this test's own, with no way to sign in but a link."""
    async with closed_service(database_url, sandbox) as service:
        yield service


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def calm(furnish: Furnish) -> AsyncIterator[Furnished]:
    """A service with a calm week in its database, which no test changes."""
    async with furnish(filled=True) as one:
        yield one


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def bare(furnish: Furnish) -> AsyncIterator[Furnished]:
    """A service with nothing stored yet, which no test changes."""
    async with furnish(filled=False) as one:
        yield one


@pytest.fixture(scope="session")
def furnish(chromium: str, postgres: Databases, tmp_path_factory: pytest.TempPathFactory) -> Furnish:
    """Runs a service to look at, where there is a browser to look with."""
    assert chromium

    @asynccontextmanager
    async def run(*, filled: bool) -> AsyncIterator[Furnished]:
        with SandboxServer() as server, server.fresh() as url, postgres.database(template=TEMPLATE) as database:
            async with furnished(database, url, tmp_path_factory.mktemp("rules"), filled=filled) as one:
                yield one

    return run
