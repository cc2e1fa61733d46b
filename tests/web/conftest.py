"""A running service for every test of what is asked over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

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
    async with running(database_url, rules, max_body_bytes="4096") as service:
        yield service
