"""A running service with its console, and a browser for each role."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.operators import Role
from tests.support.console import Browser, signed_in
from tests.support.service import RULES, Running, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """The operator's file."""
    file = tmp_path / "rules.yaml"
    file.write_text(RULES)
    return file


@pytest.fixture
async def web(database_url: str, rules: Path) -> AsyncIterator[Running]:
    """A service with the rules of this folder in force."""
    async with running(database_url, rules) as service:
        yield service


@pytest.fixture
async def viewer(web: Running) -> AsyncIterator[Browser]:
    """The browser of a viewer."""
    browser = await signed_in(web, Role.VIEWER)
    async with browser.client:
        yield browser


@pytest.fixture
async def operator(web: Running) -> AsyncIterator[Browser]:
    """The browser of an operator."""
    browser = await signed_in(web, Role.OPERATOR)
    async with browser.client:
        yield browser


@pytest.fixture
async def admin(web: Running) -> AsyncIterator[Browser]:
    """The browser of an admin."""
    browser = await signed_in(web, Role.ADMIN)
    async with browser.client:
        yield browser
