"""The frame of every page, in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.tabs import Tabs

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from tests.browser.furnished import Furnished


async def test_the_console_opens_with_its_style_and_its_script(tabs: Tabs, calm: Furnished) -> None:
    page = await tabs.open(calm.service)
    await page.goto("/admin/audit")
    assert await page.title() == "Audit log · Segue"
    assert await page.locator(".rail").evaluate("it => getComputedStyle(it).borderRightWidth") == "1px"
    assert await page.evaluate("typeof htmx") == "object"


@pytest.mark.parametrize(
    "code",
    [
        "document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">red</p>')",
        "document.body.append(Object.assign(document.createElement('img'), {src: 'https://elsewhere.example/a.png'}))",
        "setTimeout(() => nothing.there)",
        "fetch('/admin/nothing')",
    ],
    ids=["style", "other site", "exception", "missing file"],
)
async def test_what_goes_wrong_in_a_page_fails_its_test(browser: Browser, calm: Furnished, code: str) -> None:
    """The proof that the tests of this folder notice."""
    tabs = Tabs(browser)
    page = await tabs.open(calm.service)
    await page.goto("/admin/audit")
    await page.evaluate(f"() => {{ {code} }}")
    await tabs.noticed()
    with pytest.raises(AssertionError, match=r"(?i)policy|exception|failed to load"):
        await tabs.close()
