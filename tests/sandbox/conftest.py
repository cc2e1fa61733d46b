from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.portal import Portal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def portal() -> AsyncIterator[Portal]:
    made = Portal()
    async with made.client:
        yield made
