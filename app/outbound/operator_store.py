"""Outbound events for operators: list and replay events, enable an endpoint, send it a test event."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from app.audit.store import note
from app.database.engine import busy_when_gone
from app.database.listen import OUTBOUND_READY
from app.database.schema import outbound
from app.outbound import statements as sql

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import TextClause
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

BATCH_SIZE = 1000
MOST_COUNTED = 10_000
MOST_SHOWN = 10
HIDDEN = frozenset({"body", "attempts", "leased_by", "leased_until"})
LISTED = [column for column in outbound.c if column.name not in HIDDEN]


class OutboundOperatorStore:
    """The outbound events in the database. Every method raises Busy while it is unavailable."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def page(
        self, filters: Mapping[str, str | None], after: str | None, limit: int, *, above: str | None = None
    ) -> list[dict[str, Any]]:
        """List events without their bodies, newest first. `filters` are columns and the value that each must have.

        `after` is the last id of the page before; with `above` it is those next above that id.
        """
        statement = select(*LISTED)
        for name, wanted in filters.items():
            if wanted is not None:
                statement = statement.where(outbound.c[name] == wanted)
        if after is not None:
            statement = statement.where(outbound.c.id < after)
        if above is not None:
            return (await self._rows(statement.where(outbound.c.id > above).order_by(outbound.c.id).limit(limit)))[::-1]
        return await self._rows(statement.order_by(outbound.c.id.desc()).limit(limit))

    async def one(self, id_: str) -> dict[str, Any] | None:
        """Return one event with its body as sent, and the outcome of each attempt."""
        rows = await self._rows(select(outbound).where(outbound.c.id == id_))
        return rows[0] | {"body": rows[0]["body"].decode()} if rows else None

    async def replay(self, id_: str) -> bool:
        """Make an event due at once, with all its tries; return whether its state allowed it."""
        return (
            await self._change(sql.REPLAY, lambda row: (row.was, {"state": "waiting", "tries": 0}), id=id_) is not None
        )

    async def replay_many(
        self, endpoint: str, *, since: datetime, until: datetime | None, states: Sequence[str]
    ) -> int:
        """Make an endpoint's events from `since` up to before `until` due again; return their number."""
        values: dict[str, Any] = {"endpoint": endpoint, "since": since, "until": until, "states": list(states)}
        replayed, size, after = 0, BATCH_SIZE, ""
        while size == BATCH_SIZE:
            size, after, _ = await self._change(
                sql.REPLAY_MANY, partial(_replayed, values), **values, after=after, batch_size=BATCH_SIZE
            )
            replayed += size
        return replayed

    async def count_replay(
        self, endpoint: str, *, since: datetime, until: datetime | None, states: Sequence[str]
    ) -> dict[str, int]:
        """Return how many events of each state `replay_many` would make due again; 10,001 stands for more of one."""
        values = {"endpoint": endpoint, "since": since, "until": until, "states": list(states)}
        (row,) = await self._rows(sql.COUNT_REPLAY, **values, most=MOST_COUNTED + 1)
        return row

    async def knows(self, endpoint: str) -> bool:
        """Return whether there is any event for an endpoint of this name."""
        return bool(await self._rows(select(outbound.c.id).where(outbound.c.endpoint == endpoint).limit(1)))

    async def backlog(self) -> dict[str, dict[str, Any]]:
        """Return each endpoint's numbers of waiting and failed events, and the age of the oldest waiting in seconds."""
        return {row["endpoint"]: row for row in await self._rows(sql.BACKLOG)}

    async def first_waiting(self, endpoint: str) -> list[dict[str, Any]]:
        """Return the events for an endpoint that are due first, without their bodies."""
        return await self._rows(sql.FIRST_WAITING, endpoint=endpoint, most=MOST_SHOWN)

    async def endpoints(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """Return the recent answers of endpoints, a row for each URL and secrets; the last to answer comes last."""
        return await self._rows(sql.READ_ENDPOINTS, endpoints=list(names))

    async def enable(self, name: str) -> bool:
        """Send to an endpoint again that is disabled after a 410, or whose breaker is open; return whether it was."""
        enabled = await self._change(
            sql.ENABLE, lambda row: (row.was, {"endpoint": name, "enabled": True}), endpoint=name
        )
        return enabled is not None

    async def test(self, name: str, body: bytes) -> str:
        """Note a test event for this endpoint alone; return its id."""
        (id_,) = await self._change(sql.NOTE_TEST, lambda row: (None, {"test": row.id}), endpoint=name, body=body)
        return str(id_)

    async def _change(self, statement: TextClause, change: Callable[[Any], tuple[Any, Any]], **values: Any) -> Any:
        """Run a change and wake the workers; return the first row that it returns, None where there is none.

        `change` says for the audit log what that row means: what was before, and what is after.
        """
        with busy_when_gone():
            async with self._engine.begin() as connection:
                row = (await connection.execute(statement, values)).first()
                await connection.execute(sql.NOTIFY, {"channel": OUTBOUND_READY})
                if row is not None:
                    before, after = change(row)
                    await note(connection, before=before, after=after)
                return row

    async def _rows(self, statement: Any, **values: Any) -> list[dict[str, Any]]:
        with busy_when_gone():
            async with self._engine.connect() as connection:
                return [dict(row) for row in (await connection.execute(statement, values)).mappings()]


def _replayed(wanted: Mapping[str, Any], row: Any) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    return row.was, {**wanted, "replayed": row.replayed}


async def replay_these(connection: AsyncConnection, ids: Sequence[str], states: Sequence[str]) -> int:
    """Make those of these events that are in `states` due again; return how many. Workers are woken at the commit."""
    replayed = (await connection.execute(sql.REPLAY_THESE, {"ids": list(ids), "states": list(states)})).all()
    await connection.execute(sql.NOTIFY, {"channel": OUTBOUND_READY})
    return len(replayed)
