"""Real processes over a migrated database, the sandbox, and a system of the operator's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.far_endpoint import Far, far_end
from tests.support.world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with World(database_url, lease=15.0) as world:
        yield world


@pytest.fixture
async def far() -> AsyncIterator[Far]:
    async with far_end() as far:
        yield far
