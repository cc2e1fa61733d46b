"""What the operator's own systems are told: noted with the transition itself, then claimed, sent and recorded.

A row is one event for one endpoint. Its id is the `webhook-id`, its body what is sent, the same every time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.database.listen import OUTBOUND_READY
from app.errors import FenceLost
from app.outbound import statements as sql
from app.outbound.breaker import Breaker, Position
from app.outbound.retry_schedule import Verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime, timedelta

    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from app.model import Endpoint, OutboundKind


def nobody(_kind: OutboundKind, _account: str) -> tuple[str, ...]:
    """Return no endpoint: nobody is told."""
    return ()


async def note(
    connection: AsyncConnection, kind: OutboundKind, enrollment_ids: Collection[str], endpoints: Sequence[str]
) -> None:
    """Note in the transaction of `connection` that this happened to enrollments, for each of the endpoints.

    Call it after what changes the rows: their facts are read as they are then.
    """
    if not endpoints or not enrollment_ids:
        return
    values = {
        "kind": str(kind),
        "ids": list(enrollment_ids),
        "endpoints": list(endpoints),
        "channel": OUTBOUND_READY,
    }
    await connection.execute(sql.NOTE, values)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One claimed delivery. `attempt` is its fence, `tries` counts the failures since it was noted or replayed."""

    id: str
    endpoint: str
    kind: str
    enrollment_id: str | None
    body: bytes
    attempt: int
    tries: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one delivery ended. `due_at` is when it is sent again, None where it is not; `answer` is for operators."""

    verdict: Verdict
    status: int | None
    error: str | None
    due_at: datetime | None
    milliseconds: int
    answer: str | None = None

    @property
    def after(self) -> str:
        """The state that follows."""
        if self.verdict is Verdict.FAILED:
            return "failed" if self.due_at is None else "waiting"
        return "delivered" if self.verdict is Verdict.DELIVERED else "waiting"


class Outbox:
    """The deliveries that the worker called `worker` sends; `lease` is how long it may take over each."""

    def __init__(self, engine: AsyncEngine, *, worker: str, lease: timedelta) -> None:
        self._engine = engine
        self._worker = worker
        self._lease = lease

    async def claim(self, wanted: Sequence[tuple[Endpoint, int]], *, now: datetime) -> list[Outgoing]:
        """Claim what is due, up to the room of each endpoint; nothing behind a breaker that is open, but its probe."""
        standings = await self._standings([endpoint for endpoint, _ in wanted])
        rooms = {}
        probes = []
        for endpoint, room in wanted:
            standing = standings.get(endpoint.name)
            if standing is None or (not standing.disabled and standing.breaker.position(now) is Position.CLOSED):
                rooms[endpoint.name] = room
            elif not standing.disabled and standing.breaker.may_probe(now):
                probes.append(endpoint)
        claimed = []
        if rooms:
            async with self._engine.begin() as connection:
                claimed = await self._claimed(connection, rooms, now)
        for endpoint in probes:
            claimed += await self._probe(endpoint, now)
        return claimed

    async def _probe(self, endpoint: Endpoint, now: datetime) -> list[Outgoing]:
        """Claim the one delivery that a half-open breaker lets out, unless another replica has."""
        async with self._engine.begin() as connection:
            standing = await _locked(connection, endpoint)
            if standing.disabled or not standing.breaker.may_probe(now):
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
        rows = await connection.execute(sql.CLAIM, values)
        return [
            Outgoing(row.id, row.endpoint, row.kind, row.enrollment_id, row.body, row.attempt, row.tries)
            for row in rows
        ]

    async def record(self, outgoing: Outgoing, endpoint: Endpoint, outcome: Outcome, *, now: datetime) -> Breaker:
        """Write how a delivery ended, and what that says of its endpoint, together; return its breaker.

        Raises FenceLost when somebody else has the delivery by now.
        """
        async with self._engine.begin() as connection:
            values = _record_values(outgoing, outcome, now)
            if (await connection.execute(sql.RECORD, values)).first() is None:
                raise FenceLost(outgoing.id)
            breaker = _after(outcome.verdict, (await _locked(connection, endpoint)).breaker, now)
            await connection.execute(sql.WRITE_STANDING, _standing_values(endpoint, breaker, outcome, now))
            return breaker

    async def hand_back(self) -> None:
        """Let others have at once what this worker claimed and did not finish."""
        async with self._engine.begin() as connection:
            await connection.execute(sql.HAND_BACK, {"worker": self._worker})

    async def _standings(self, endpoints: Iterable[Endpoint]) -> dict[str, Standing]:
        known = {endpoint.name: endpoint for endpoint in endpoints}
        async with self._engine.connect() as connection:
            rows = (await connection.execute(sql.READ_STANDINGS, {"endpoints": list(known)})).all()
        return {row.endpoint: standing_of(row) for row in rows if row.fingerprint == known[row.endpoint].fingerprint}


@dataclass(frozen=True, slots=True)
class Standing:
    """How an endpoint answers, as long as its URL and secrets stay the same."""

    breaker: Breaker
    disabled: bool


def standing_of(row: Row[Any]) -> Standing:
    """Return what a row of `outbound_endpoints` says."""
    breaker = Breaker(row.failures, row.openings, row.open_until, row.probing_until)
    return Standing(breaker, row.disabled_at is not None)


def _after(verdict: Verdict, breaker: Breaker, now: datetime) -> Breaker:
    if verdict is Verdict.DELIVERED:
        return breaker.succeeded()
    return breaker.failed(now) if verdict is Verdict.FAILED else breaker


async def _locked(connection: AsyncConnection, endpoint: Endpoint) -> Standing:
    return standing_of((await connection.execute(sql.LOCK_STANDING, _key(endpoint))).one())


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
    # A delivery that an endpoint which is gone did not take waits for its return, and has lost no try.
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


def _standing_values(endpoint: Endpoint, breaker: Breaker, outcome: Outcome, now: datetime) -> dict[str, Any]:
    return _key(endpoint) | {
        "failures": breaker.failures,
        "openings": breaker.openings,
        "open_until": breaker.open_until,
        "probing_until": breaker.probing_until,
        "gone": outcome.verdict is Verdict.GONE,
        "error": outcome.error,
        "now": now,
    }
