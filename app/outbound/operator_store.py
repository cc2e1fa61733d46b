"""What operators see of outbound events, and what they do to them: list, replay, enable an endpoint, test it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from app.database.engine import busy_when_gone
from app.database.listen import OUTBOUND_READY
from app.database.schema import outbound
from app.outbound import statements as sql

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncEngine

BITE = 1000
HIDDEN = frozenset({"body", "attempts", "leased_by", "leased_until"})
LISTED = [column for column in outbound.c if column.name not in HIDDEN]
FILTERS = ("endpoint", "kind", "state", "enrollment_id")


class OutboundOperatorStore:
    """The record of outbound events. Every method raises Busy while the store cannot be asked."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def page(self, filters: Mapping[str, str | None], after: str | None, limit: int) -> list[dict[str, Any]]:
        """List events without their bodies, newest first."""
        statement = select(*LISTED)
        for name in FILTERS:
            if (wanted := filters.get(name)) is not None:
                statement = statement.where(outbound.c[name] == wanted)
        if after is not None:
            statement = statement.where(outbound.c.id < after)
        return await self._rows(statement.order_by(outbound.c.id.desc()).limit(limit))

    async def one(self, identity: str) -> dict[str, Any] | None:
        """Return one event with its body, as it is sent, and what came of each attempt."""
        rows = await self._rows(select(outbound).where(outbound.c.id == identity))
        return rows[0] | {"body": rows[0]["body"].decode()} if rows else None

    async def replay(self, identity: str) -> bool:
        """Make it due at once, with all its tries; tell whether its state allowed it."""
        with busy_when_gone():
            async with self._engine.begin() as connection:
                found = (await connection.execute(sql.REPLAY, {"id": identity})).first() is not None
                await connection.execute(sql.TELL, {"channel": OUTBOUND_READY})
                return found

    async def replay_many(
        self, endpoint: str, *, since: datetime, until: datetime | None, states: Sequence[str]
    ) -> int:
        """Send again what was noted for an endpoint from `since` on and before `until`; return how many."""
        values: dict[str, Any] = {"endpoint": endpoint, "since": since, "until": until, "states": list(states)}
        replayed, bite, after = 0, BITE, ""
        with busy_when_gone():
            while bite == BITE:
                async with self._engine.begin() as connection:
                    row = (await connection.execute(sql.REPLAY_MANY, values | {"after": after, "bite": BITE})).one()
                    await connection.execute(sql.TELL, {"channel": OUTBOUND_READY})
                bite, after = row.replayed, row.last
                replayed += bite
        return replayed

    async def knows(self, endpoint: str) -> bool:
        """Tell whether the record has anything for an endpoint of this name."""
        return bool(await self._rows(select(outbound.c.id).where(outbound.c.endpoint == endpoint).limit(1)))

    async def backlog(self) -> dict[str, dict[str, Any]]:
        """Return what waits for each endpoint, what has failed, and the age of the oldest that waits in seconds."""
        return {row["endpoint"]: row for row in await self._rows(sql.BACKLOG)}

    async def standings(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """Return how endpoints answered of late, with each URL and secrets apart, who answered last at the end."""
        return await self._rows(sql.READ_STANDINGS, endpoints=list(names))

    async def enable(self, name: str) -> None:
        """Send to an endpoint again: one that said that it was gone, or whose breaker is open."""
        with busy_when_gone():
            async with self._engine.begin() as connection:
                await connection.execute(sql.ENABLE, {"endpoint": name})
                await connection.execute(sql.TELL, {"channel": OUTBOUND_READY})

    async def test(self, name: str, body: bytes) -> str:
        """Note an event for this endpoint alone, to see that it arrives; return its id."""
        with busy_when_gone():
            async with self._engine.begin() as connection:
                values = {"endpoint": name, "body": body, "channel": OUTBOUND_READY}
                return str((await connection.execute(sql.NOTE_TEST, values)).scalar_one())

    async def _rows(self, statement: Any, **values: Any) -> list[dict[str, Any]]:
        with busy_when_gone():
            async with self._engine.connect() as connection:
                return [dict(row) for row in (await connection.execute(statement, values)).mappings()]
