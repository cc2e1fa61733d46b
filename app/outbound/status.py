"""How endpoints stand: those of the rules in force, and those that left and still have something waiting."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from app.outbound.breaker import Breaker, Position

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from app.model import Endpoint
    from app.outbound.operator_store import OutboundOperatorStore

DISABLED, LEFT = "disabled", "not-in-rules"
# What the gauge says of each state; one that left has no breaker.
NUMBERS = {str(Position.CLOSED): 0, LEFT: 0, str(Position.HALF_OPEN): 1, str(Position.OPEN): 2, DISABLED: 3}


@dataclass(frozen=True, slots=True)
class EndpointStatus:
    """One endpoint. `state` is its breaker's position, `disabled` after a 410, or `not-in-rules`."""

    name: str
    url: str | None
    events: list[str]
    accounts: list[str] | None
    state: str
    failures: int
    open_until: datetime | None
    disabled_at: datetime | None
    waiting: int
    failed: int
    oldest_seconds: float
    last_success_at: datetime | None
    last_error: str | None
    last_error_at: datetime | None


class EndpointStatuses:
    """How endpoints stand. `endpoints` returns those of the rules in force. Every method raises Busy."""

    def __init__(
        self, books: OutboundOperatorStore, endpoints: Callable[[], Mapping[str, Endpoint]], now: Callable[[], datetime]
    ) -> None:
        self._books = books
        self._endpoints = endpoints
        self._now = now

    async def all(self) -> list[EndpointStatus]:
        """Return how each endpoint stands, by name."""
        endpoints, backlog = self._endpoints(), await self._books.backlog()
        names = sorted({*endpoints, *backlog})
        stored = await self._books.standings(names)
        return [self._one(name, endpoints.get(name), stored, backlog.get(name, {})) for name in names]

    async def rows(self) -> Sequence[Mapping[str, Any]]:
        """Return how each endpoint stands, as it is shown."""
        return [asdict(standing) for standing in await self.all()]

    async def gauges(self) -> list[tuple[str, int, float, int]]:
        """Return what the gauges say: name, how many wait, the age of the oldest in seconds, the breaker."""
        return [(one.name, one.waiting, one.oldest_seconds, NUMBERS[one.state]) for one in await self.all()]

    async def enable(self, name: str) -> bool:
        """Send to an endpoint again; tell whether the rules in force have it."""
        if name not in self._endpoints():
            return False
        await self._books.enable(name)
        return True

    def known(self, name: str) -> bool:
        """Tell whether the rules in force have an endpoint of this name."""
        return name in self._endpoints()

    def _one(
        self, name: str, endpoint: Endpoint | None, stored: Sequence[Mapping[str, Any]], backlog: Mapping[str, Any]
    ) -> EndpointStatus:
        row = _row_of(name, endpoint, stored)
        fresh = endpoint is None or not row
        breaker = Breaker() if fresh else Breaker(row["failures"], row["openings"], row["open_until"])
        disabled_at = None if fresh else row["disabled_at"]
        state = LEFT if endpoint is None else DISABLED if disabled_at else str(breaker.position(self._now()))
        return EndpointStatus(
            name=name,
            url=endpoint.shown if endpoint else None,
            events=sorted(endpoint.kinds) if endpoint else [],
            accounts=sorted(endpoint.accounts) if endpoint and endpoint.accounts is not None else None,
            state=state,
            failures=breaker.failures,
            open_until=breaker.open_until,
            disabled_at=disabled_at,
            waiting=backlog.get("waiting", 0),
            failed=backlog.get("failed", 0),
            oldest_seconds=float(backlog.get("oldest", 0.0)),
            last_success_at=row.get("last_success_at"),
            last_error=row.get("last_error"),
            last_error_at=row.get("last_error_at"),
        )


def _row_of(name: str, endpoint: Endpoint | None, stored: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return what is known of an endpoint's URL and secrets; of one that left, of those it had when it last answered.

    What is known of another URL or secret says nothing of this one.
    """
    known = [row for row in stored if row["endpoint"] == name]
    if endpoint is not None:
        known = [row for row in known if row["fingerprint"] == endpoint.fingerprint]
    return known[-1] if known else {}
