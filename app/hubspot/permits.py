"""Permits of the shared rate limit: given in blocks, used one by one, void after half a second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.clock import elapsed_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

PERMIT_LIFE_SECONDS = 0.5


@dataclass(slots=True)
class PermitBlock:
    """Permits given together: how many requests have one, how many are used, and how long the slowest waited for that.

    `ids` are its rows, one in each window that it counts for. `since` is `elapsed_seconds` from before the query for
    them: they never look younger than they are. `day` is the end of the day that they were counted against, None where
    days have no cap.
    """

    ids: Mapping[str, int]
    since: float
    count: int
    day: datetime | None = None
    taken: int = 0
    used: int = 0
    waited: float = 0.0

    def spent(self) -> bool:
        """Return whether these permits are too old to be used (500 ms)."""
        return elapsed_seconds() - self.since > PERMIT_LIFE_SECONDS

    def fresh(self) -> bool:
        """Return whether a permit is left that has more than half of its life before it."""
        return self.taken < self.count and elapsed_seconds() - self.since < PERMIT_LIFE_SECONDS / 2

    def take(self) -> StoredPermit:
        """Return one more permit."""
        self.taken += 1
        return StoredPermit(self)

    def use(self) -> None:
        """Count one as used now."""
        self.used += 1
        self.waited = elapsed_seconds() - self.since

    def finished(self) -> bool:
        """Return whether no permit of it can be used any more."""
        return self.used == self.count or self.spent()


@dataclass(frozen=True, slots=True)
class StoredPermit:
    """Permission to send one request now."""

    block: PermitBlock

    def spent(self) -> bool:
        """Return whether the permit is too old to be used (500 ms)."""
        return self.block.spent()

    def use(self) -> None:
        """Note that its request leaves now."""
        self.block.use()
