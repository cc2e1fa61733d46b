"""Pages of a real browser, each with what its console said."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.operators import Role
from tests.support.processes import WATCHDOG_SECONDS

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, WebError

    from tests.support.console_service import ConsoleService

# A page that breaks its own policy says so, whichever directive it is.
VIOLATIONS = """
    document.addEventListener("securitypolicyviolation", (event) => {
      console.error(`policy: ${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
    });
"""
# Milliseconds. A busy machine takes its time: this only ends a test that hangs.
PATIENCE = 120_000
WRONG = {"error", "warning", "assert"}
MISSED = "Failed to load resource: the server responded with a status of "


@dataclass
class Tabs:
    """The browser contexts of one test, and what went wrong in them.

    `expected` are the statuses that the test provokes: a browser calls each answer above 399 an error.
    """

    browser: Browser
    expected: set[int] = field(default_factory=set)
    said: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    async def open(self, service: ConsoleService, role: Role | None = Role.ADMIN, **options: Any) -> Page:
        """Return a page of a browser of its own, signed in with this role, or not at all."""
        context = await self.browser.new_context(base_url=service.url, **options)
        self.contexts.append(context)
        context.set_default_timeout(PATIENCE)
        context.on("console", self._heard)
        context.on("weberror", self._failed)
        if options.get("java_script_enabled", True):
            await context.add_init_script(VIOLATIONS)
        if role is not None:
            await context.add_cookies([await service.cookie(role)])  # type: ignore[list-item]  # three of its fields
        return await context.new_page()

    async def noticed(self) -> None:
        """Wait until something has gone wrong."""
        async with asyncio.timeout(WATCHDOG_SECONDS):
            await self.heard.wait()

    async def close(self) -> None:
        """Close all pages. Raises AssertionError where one said that something is wrong."""
        for context in self.contexts:
            await context.close()
        assert not self.said, "\n".join(self.said)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type not in WRONG:
            return
        if message.text.startswith(MISSED) and int(message.text.removeprefix(MISSED)[:3]) in self.expected:
            return
        self._note(f"{message.type}: {message.text} ({message.location['url']})")

    def _failed(self, error: WebError) -> None:
        self._note(f"exception: {error.error}")

    def _note(self, wrong: str) -> None:
        self.said.append(wrong)
        self.heard.set()
