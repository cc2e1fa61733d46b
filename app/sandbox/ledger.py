"""What was received: every request by route, and every enroll request one by one, whatever became of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any


@dataclass
class Entry:
    """One enroll request. `outcome` is HubSpot's code, `enrolled`, or the trouble it met."""

    n: int
    at: float
    contact_id: str
    email: str
    sequence: str
    user_id: str
    sender: str
    outcome: str = "received"
    processed: bool = False
    enrollment_id: str | None = None


class Ledger:
    """The books of the sandbox."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.calls: Counter[tuple[str, int]] = Counter()
        self.arrivals: list[float] = []

    def enroll(self, at: float, *, contact_id: str, email: str, sequence: str, user_id: str, sender: str) -> Entry:
        """Write down an enroll request as it arrives."""
        entry = Entry(len(self.entries) + 1, at, contact_id, email, sequence, user_id, sender)
        self.entries.append(entry)
        return entry

    def rows(self) -> list[dict[str, Any]]:
        """Return the enroll requests in the order they arrived."""
        return [asdict(entry) for entry in self.entries]

    def counts(self) -> dict[str, Any]:
        """Return calls by route and status, and when requests arrived."""
        by_route: dict[str, dict[str, int]] = {}
        for (route, status), count in sorted(self.calls.items()):
            by_route.setdefault(route, {})[str(status)] = count
        return {"total": sum(self.calls.values()), "routes": by_route, "arrivals": self.arrivals}
