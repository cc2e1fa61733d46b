"""Direct connections to the database of a test's engine. The fixture `engine` closes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from app.database.direct import DirectPool

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

_POOLS: WeakKeyDictionary[AsyncEngine, DirectPool] = WeakKeyDictionary()


class Counting(DirectPool):
    """Counts transactions of more than one statement."""

    transactions = 0

    def transaction(self) -> Any:
        """Count one more."""
        self.transactions += 1
        return super().transaction()


def direct(engine: AsyncEngine) -> DirectPool:
    """Return the direct connections beside an engine."""
    return _POOLS.setdefault(engine, DirectPool(engine.url, size=8))


async def close_direct(engine: AsyncEngine) -> None:
    """Close the direct connections beside an engine, where there are any."""
    if (pool := _POOLS.pop(engine, None)) is not None:
        await pool.close()
