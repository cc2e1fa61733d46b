"""The status of endpoints: those of the rules in force, and those that left the rules with events still waiting."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from app.outbound.breaker import Breaker, Position

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from app.model import Endpoint
    from app.outbound.operator_store import OutboundOperatorStore

DISABLED, LEFT = "disabled", "not-in-rules"
# The gauge's value for each state; an endpoint that left the rules has no breaker.
NUMBERS = {str(Position.CLOSED): 0, LEFT: 0, str(Position.HALF_OPEN): 1, str(Position.OPEN): 2, DISABLED: 3}


class EndpointStatus(BaseModel, frozen=True):
    """One endpoint. `state` is its breaker's position, `disabled` after a 410, or `not-in-rules`.

    `failures` are in a row; `waiting` includes the events that are being sent.
    """

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


@dataclass(frozen=True, slots=True)
class EndpointStatuses:
    """The status of endpoints. `endpoints` returns those of the rules in force. Reading the status raises Busy."""

    store: OutboundOperatorStore
    endpoints: Callable[[], Mapping[str, Endpoint]]
    now: Callable[[], datetime]

    async def all(self) -> list[EndpointStatus]:
        """Return the status of each endpoint, by name."""
        endpoints, backlog = self.endpoints(), await self.store.backlog()
        names = sorted({*endpoints, *backlog})
        stored = await self.store.endpoints(names)
        return [self._one(name, endpoints.get(name), stored, backlog.get(name, {})) for name in names]

    async def gauges(self) -> list[tuple[str, int, float, int]]:
        """Return the gauges' values: name, number of waiting events, age of the oldest in seconds, breaker."""
        return [(one.name, one.waiting, one.oldest_seconds, NUMBERS[one.state]) for one in await self.all()]

    def known(self, name: str) -> bool:
        """Return whether the rules in force have an endpoint of this name."""
        return name in self.endpoints()

    def _one(
        self, name: str, endpoint: Endpoint | None, stored: Sequence[Mapping[str, Any]], backlog: Mapping[str, Any]
    ) -> EndpointStatus:
        row = _row_of(name, endpoint, stored)
        fresh = endpoint is None or not row
        breaker = Breaker() if fresh else Breaker(row["failures"], row["openings"], row["open_until"])
        disabled_at = None if fresh else row["disabled_at"]
        state = LEFT if endpoint is None else DISABLED if disabled_at else str(breaker.position(self.now()))
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
    """Return the row for an endpoint's URL and secrets; for one that left the rules, the row that answered last.

    Rows of another URL or secret say nothing about this one.
    """
    known = [row for row in stored if row["endpoint"] == name]
    if endpoint is not None:
        known = [row for row in known if row["fingerprint"] == endpoint.fingerprint]
    return known[-1] if known else {}
