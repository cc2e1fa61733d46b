"""The follow-up of enrollments in the database: an account's turn, its looks and findings, and its budget of calls."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

import orjson

from app.clock import in_words
from app.errors import FenceLost
from app.followup import statements as sql
from app.followup.ends import Ours, formatted
from app.followup.schedule import spend
from app.model import OutboundKind
from app.outbound.store import no_endpoints, note

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime, timedelta

    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from app.followup.ends import Ended

LEASE_SECONDS = 120.0  # renewed by every call, none of which takes as long


@dataclass(frozen=True, slots=True)
class Turn:
    """A replica's right to follow an account's enrollments; `number` is its fence.

    Where `search_due`, ends between `since` and `until` (None: now) are searched for, from the contact id `beyond` on.
    `refused` is why HubSpot does not let us search. `now` is the database's clock.
    """

    number: int
    since: datetime
    until: datetime | None
    beyond: str | None
    refused: str | None
    now: datetime
    search_due: bool


@dataclass(frozen=True, slots=True)
class Look:
    """An enrollment to look at now, for the `looks`-th time. `ended_seen_at` is when its end was found."""

    id: str
    contact_id: str
    looks: int
    ours: Ours
    unclear_since: datetime | None
    ended_seen_at: datetime | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one look; `follow_at` is when the next one is due, None for never."""

    look: Look
    ended: Ended | None
    replied_at: datetime | None
    unclear_since: datetime | None
    follow_at: datetime | None


@dataclass(frozen=True, slots=True)
class Learnt:
    """The ids of the enrollments with a new end, and with a new reply."""

    ended: frozenset[str] = frozenset()
    replied: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class FollowupStore:
    """The enrollments of one account, followed by the worker `worker` with `calls_per_hour` calls in any hour.

    `endpoints` returns the names of the endpoints that receive such an event of this account.
    """

    engine: AsyncEngine
    _: KW_ONLY
    account: str
    worker: str
    calls_per_hour: int
    endpoints: Callable[[OutboundKind, str], Sequence[str]] = no_endpoints

    async def due_in(self) -> float:
        """Return the seconds until a search or a look is due, infinity where nothing is followed."""
        rows = await self._run(sql.NEXT_WORK)
        return float(rows[0].seconds) if rows else math.inf

    async def take_turn(self) -> Turn | None:
        """Take the account's turn, None where another replica has it or nothing is due."""
        rows = await self._run(sql.TAKE_TURN, worker=self.worker, lease=LEASE_SECONDS)
        if not rows:
            return None
        (row,) = rows
        return Turn(row.turn, row.since, row.until, row.beyond, row.refused, row.now, row.search_due)

    async def end_turn(self, turn: Turn) -> None:
        """Release the turn."""
        await self._run(sql.END_TURN, turn=turn.number)

    async def spend(self, turn: Turn) -> bool:
        """Spend one of the hour's calls; return whether one was left. Raises FenceLost when another has the turn."""
        async with self.engine.begin() as connection:
            calls = await self._calls_with_one_more(connection, turn)
            if calls is not None:
                await self._spend(connection, turn, calls)
        return calls is not None

    async def _calls_with_one_more(self, connection: AsyncConnection, turn: Turn) -> list[datetime] | None:
        """Return the hour's calls with one more, None where no call is left. Raises FenceLost."""
        key = {"account": self.account, "turn": turn.number}
        row = (await connection.execute(sql.LOCK_CALLS, key)).one_or_none()
        if row is None:
            raise FenceLost(self.account)
        return spend(row.calls, limit=self.calls_per_hour, now=row.now)

    async def _spend(self, connection: AsyncConnection, turn: Turn, calls: list[datetime]) -> None:
        key = {"account": self.account, "turn": turn.number}
        await connection.execute(sql.SPEND_CALL, key | {"calls": calls, "lease": LEASE_SECONDS})

    async def searched(
        self,
        turn: Turn,
        *,
        since: datetime,
        wait: float,
        until: datetime | None = None,
        beyond: str | None = None,
        refused: str | None = None,
    ) -> None:
        """Record a search, and that the next one is due in `wait` seconds. Raises FenceLost.

        With `until` the search continues at the contact `beyond`; without it the next search begins at `since`.
        """
        values = {"since": since, "until": until, "beyond": beyond, "wait": wait, "refused": refused}
        if not await self._run(sql.SEARCHED, turn=turn.number, **values):
            raise FenceLost(self.account)

    async def hint(self, contact_ids: Sequence[str]) -> int:
        """Make looks at the enrollments of these contacts due first; return their number."""
        count = len(contact_ids)
        values = {"accounts": [self.account] * count, "portals": [""] * count, "contacts": list(contact_ids)}
        return len(await self._run(sql.HINT, **values))

    async def claim(self, turn: Turn, limit: int) -> list[Look]:
        """Claim up to `limit` looks and spend the call that reads them: none where nothing is due, or no call is left.

        Looks with a hint come first. Raises FenceLost.
        """
        async with self.engine.begin() as connection:
            calls = await self._calls_with_one_more(connection, turn)
            if calls is None:
                return []
            values = {"account": self.account, "limit": limit}
            rows = (await connection.execute(sql.CLAIM_LOOKS, values)).all()
            if rows:
                await self._spend(connection, turn, calls)
        return [_look(row) for row in rows]

    async def found(self, findings: Sequence[Finding]) -> Learnt:
        """Write the findings, each one once: a look that a later one has overtaken writes nothing."""
        values = {"rows": orjson.dumps([_written(finding) for finding in findings]).decode()}
        async with self.engine.begin() as connection:
            await connection.execute(sql.LOCK_LOOKED_AT, {"ids": [finding.look.id for finding in findings]})
            learnt = Learnt(await _ids(connection, sql.ENDED, values), await _ids(connection, sql.REPLIED, values))
            for kind, ids in ((OutboundKind.ENDED, learnt.ended), (OutboundKind.REPLIED, learnt.replied)):
                await note(connection, kind, ids, self.endpoints(kind, self.account))
            await connection.execute(sql.LOOKED, values)
        return learnt

    async def give_up(self, span: timedelta) -> int:
        """Stop following enrollments that have not ended for `span`; return their number."""
        detail = f"not known to have ended within {in_words(span)}; it is not looked at any more"
        return len(await self._run(sql.GIVE_UP, span=span, detail=detail))

    async def _run(self, statement: Any, **values: Any) -> Sequence[Row[Any]]:
        async with self.engine.begin() as connection:
            result = await connection.execute(statement, {"account": self.account, **values})
            return result.all() if result.returns_rows else []


async def _ids(connection: AsyncConnection, statement: Any, values: dict[str, Any]) -> frozenset[str]:
    return frozenset((await connection.execute(statement, values)).scalars())


def _look(row: Row[Any]) -> Look:
    ours = Ours(row.sequence, row.began, row.begun_by)
    return Look(row.id, row.contact_id, row.looks, ours, row.unclear_since, row.ended_seen_at, row.now)


def _written(finding: Finding) -> dict[str, Any]:
    ended, replied_at = finding.ended, finding.replied_at
    return {
        "id": finding.look.id,
        "looks": finding.look.looks,
        "how": ended.how if ended else None,
        "ended_at": ended.at if ended else None,
        "known": ended.known if ended else None,
        "why": ended.why if ended else None,
        "replied_at": replied_at,
        "replied_why": replied_at and f"inferred: the contact replied to a sales e-mail at {formatted(replied_at)}",
        "unclear_since": finding.unclear_since,
        "follow_at": finding.follow_at,
    }
