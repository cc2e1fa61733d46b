"""Outbound events in the database: noted with the transition itself, then claimed, sent and recorded.

A row is one event for one endpoint. Its id is the `webhook-id`, and its body is sent unchanged every time.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from app.database.listen import OUTBOUND_READY
from app.errors import FenceLost
from app.outbound import statements as sql
from app.outbound.breaker import Breaker, Position
from app.outbound.retry_schedule import Verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime, timedelta

    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from app.model import Endpoint, OutboundKind
    from app.outbound.retry_schedule import Outcome


def no_endpoints(_kind: OutboundKind, _account: str) -> tuple[str, ...]:
    """Return no endpoint: no event is noted."""
    return ()


async def note(
    connection: AsyncConnection, kind: OutboundKind, enrollment_ids: Collection[str], endpoints: Sequence[str]
) -> None:
    """Note an event for enrollments and each of the endpoints, in the transaction of `connection`.

    Call it after the rows have changed: the event holds their facts as they are then.
    """
    if endpoints and enrollment_ids:
        await connection.execute(sql.NOTE, note_values(kind, enrollment_ids, endpoints))


def note_values(kind: OutboundKind, enrollment_ids: Collection[str], endpoints: Sequence[str]) -> dict[str, Any]:
    """Return the parameters of the statement that notes an event, for a caller with a connection of its own kind."""
    return {
        "kind": str(kind),
        "ids": list(enrollment_ids),
        "endpoints": list(endpoints),
        "channel": OUTBOUND_READY,
    }


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One claimed event. `attempt` is its fence, `tries` counts the failures since it was noted or replayed."""

    id: str
    endpoint: str
    kind: str
    enrollment_id: str | None
    body: bytes
    attempt: int
    tries: int


class Outbox:
    """The events that the worker `worker` sends; `lease` is how long it may take for each."""

    def __init__(self, engine: AsyncEngine, *, worker: str, lease: timedelta) -> None:
        self._engine = engine
        self._worker = worker
        self._lease = lease

    async def due_in(self, endpoints: Collection[str]) -> float:
        """Return the seconds until an event of these endpoints is due, infinity where none waits."""
        if not endpoints:
            return math.inf
        async with self._engine.connect() as connection:
            seconds = (await connection.execute(sql.NEXT_DUE, {"endpoints": list(endpoints)})).scalar_one()
        return math.inf if seconds is None else float(seconds)

    async def claim(self, wanted: Sequence[tuple[Endpoint, int]], *, now: datetime) -> list[Outgoing]:
        """Claim due events, up to the room of each endpoint; none behind an open breaker except its probe."""
        breakers = await self._breakers([endpoint for endpoint, _ in wanted])
        positions = {name: breaker.position(now) for name, breaker in breakers.items()}
        rooms = {one.name: room for one, room in wanted if positions.get(one.name) is Position.CLOSED}
        probes = [one for one, _ in wanted if one.name in breakers and breakers[one.name].may_probe(now)]
        claimed = []
        if rooms:
            async with self._engine.begin() as connection:
                claimed = await self._claimed(connection, rooms, now)
        for endpoint in probes:
            claimed += await self._probe(endpoint, now)
        return claimed

    async def _probe(self, endpoint: Endpoint, now: datetime) -> list[Outgoing]:
        """Claim the one event that a half-open breaker admits, unless another replica has."""
        async with self._engine.begin() as connection:
            row = await _locked(connection, endpoint)
            if row.disabled_at is not None or not _breaker(row).may_probe(now):
                return []
            claimed = await self._claimed(connection, {endpoint.name: 1}, now)
            if claimed:
                await connection.execute(sql.TAKE_PROBE, _key(endpoint) | {"until": now + self._lease})
            return claimed

    async def _claimed(self, connection: AsyncConnection, rooms: Mapping[str, int], now: datetime) -> list[Outgoing]:
        values = {
            "endpoints": list(rooms),
            "rooms": list(rooms.values()),
            "now": now,
            "worker": self._worker,
            "lease": self._lease.total_seconds(),
        }
        return [Outgoing(*row) for row in await connection.execute(sql.CLAIM, values)]

    async def record(self, outgoing: Outgoing, endpoint: Endpoint, outcome: Outcome, *, now: datetime) -> Breaker:
        """Write the outcome of an event and its endpoint's health in one transaction; return the breaker.

        Raises FenceLost when another worker has the event by now.
        """
        async with self._engine.begin() as connection:
            values = _record_values(outgoing, outcome, now)
            if (await connection.execute(sql.RECORD, values)).first() is None:
                raise FenceLost(outgoing.id)
            breaker = _breaker(await _locked(connection, endpoint)).after(outcome.verdict, now)
            await connection.execute(sql.WRITE_ENDPOINT, _endpoint_values(endpoint, breaker, outcome, now))
            return breaker

    async def hand_back(self) -> None:
        """Release at once the events that this worker claimed and did not finish."""
        async with self._engine.begin() as connection:
            await connection.execute(sql.HAND_BACK, {"worker": self._worker})

    async def _breakers(self, endpoints: Sequence[Endpoint]) -> dict[str, Breaker]:
        """Return the breakers of the endpoints that are not disabled, each for its present URL and secrets."""
        names = [endpoint.name for endpoint in endpoints]
        async with self._engine.connect() as connection:
            rows = (await connection.execute(sql.READ_ENDPOINTS, {"endpoints": names})).all()
        known = {(row.endpoint, row.fingerprint): row for row in rows}
        found = {endpoint.name: known.get((endpoint.name, endpoint.fingerprint)) for endpoint in endpoints}
        return {name: _breaker(row) for name, row in found.items() if row is None or row.disabled_at is None}


def _breaker(row: Row[Any] | None) -> Breaker:
    return Breaker(row.failures, row.openings, row.open_until, row.probing_until) if row is not None else Breaker()


async def _locked(connection: AsyncConnection, endpoint: Endpoint) -> Row[Any]:
    return (await connection.execute(sql.LOCK_ENDPOINT, _key(endpoint))).one()


def _key(endpoint: Endpoint) -> dict[str, Any]:
    return {"endpoint": endpoint.name, "fingerprint": endpoint.fingerprint}


def _record_values(outgoing: Outgoing, outcome: Outcome, now: datetime) -> dict[str, Any]:
    line = {
        "at": now.isoformat(),
        "status": outcome.status,
        "error": outcome.error,
        "milliseconds": outcome.milliseconds,
        "answer": outcome.answer,
    }
    # An event for an endpoint that is gone waits until the endpoint is enabled again, and uses up no try.
    failed = outcome.verdict is Verdict.FAILED
    return {
        "id": outgoing.id,
        "attempt": outgoing.attempt,
        "after": outcome.after,
        "tries": outgoing.tries + 1 if failed else outgoing.tries,
        "due_at": outcome.due_at,
        "status": outcome.status,
        "error": outcome.error,
        "now": now,
        "line": json.dumps(line),
    }


def _endpoint_values(endpoint: Endpoint, breaker: Breaker, outcome: Outcome, now: datetime) -> dict[str, Any]:
    gone = outcome.verdict is Verdict.GONE
    return _key(endpoint) | asdict(breaker) | {"gone": gone, "error": outcome.error, "now": now}
