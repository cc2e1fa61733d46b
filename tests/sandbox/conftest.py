from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.sandbox_account import SandboxAccount

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def account() -> AsyncIterator[SandboxAccount]:
    made = SandboxAccount()
    async with made.client:
        yield made
