"""`sending`, committed for many enrollments at once: each inbox row is locked once, and one statement writes them all.

An enrollment that has lost its place in the inbox, its fence or its deadline fails alone; its batch goes on.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.batching import Batcher
from app.clock import elapsed_seconds
from app.enrollments.statements import EXPIRED
from app.errors import FenceLost, HeldError, SegueError, SenderGone
from app.senders.quota_store import DEFAULT_LIMIT, PERIOD, RECHECK_AFTER, next_free

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from app.model import Enrollment, Sender

MAXIMUM_BATCH = 100

# The inbox rows are the locks of the senders' ledgers: two transactions that count and reserve places in one inbox run
# one after the other. They are locked in the order of their names, so that two batches never wait for each other.
LOCK_INBOXES = text("""
    INSERT INTO inboxes (account, inbox)
    SELECT :account, inbox FROM unnest(CAST(:inboxes AS text[])) AS wanted(inbox) ORDER BY inbox
    ON CONFLICT (account, inbox) DO UPDATE SET inbox = excluded.inbox
""")

# A statement of its own after the locks, since its snapshot must see what the transactions before it reserved.
# Each row of a batch counts the places that other enrollments have taken, and the rows of its own batch before it;
# a row that holds a place already (the commit is repeated, or a lost answer is sent again) comes first and takes no
# second one. The row locks are the fence: a row that another attempt has claimed is not among `ours`. The clock is read
# once, or the first sending of a row would be microseconds after its `sending_at`. A repeated commit of one attempt
# writes no second journal row.
COMMIT_SENDING = text(f"""
    WITH clock AS MATERIALIZED (
        SELECT clock_timestamp() AS moment
    ), wanted AS (
        SELECT * FROM unnest(
            CAST(:ids AS text[]), CAST(:attempts AS integer[]), CAST(:senders AS text[]), CAST(:places AS integer[]),
            CAST(:details AS text[])
        ) WITH ORDINALITY AS wanted(id, attempt, inbox, places, detail, turn)
    ), ours AS MATERIALIZED (
        SELECT enrollments.id, enrollments.attempt, inbox, places, wanted.detail, turn, {EXPIRED} AS expired,
               step IS NOT DISTINCT FROM 'sending' AS again
        FROM enrollments JOIN wanted ON enrollments.id = wanted.id AND enrollments.attempt = wanted.attempt
        WHERE state = 'working' ORDER BY enrollments.id FOR UPDATE OF enrollments
    ), requested AS MATERIALIZED (
        SELECT ours.*, paused_at, reason, CASE WHEN full_until > moment THEN full_until END AS full_until,
               expired OR paused_at IS NOT NULL OR COALESCE(full_until > moment, false) AS stopped
        FROM ours CROSS JOIN clock
        LEFT JOIN sender_pauses ON sender_pauses.account = :account AND sender_pauses.inbox = ours.inbox
    ), held AS MATERIALIZED (
        SELECT enrollment_id, inbox FROM sender_reservations, clock
        WHERE account = :account AND inbox = ANY(CAST(:inboxes AS text[]))
          AND reserved_at > moment - CAST(:period AS interval)
    ), taken AS MATERIALIZED (
        SELECT held.inbox, count(*) AS places FROM held
        WHERE NOT EXISTS (SELECT FROM requested WHERE requested.id = enrollment_id AND NOT stopped) GROUP BY held.inbox
    ), judged AS MATERIALIZED (
        SELECT requested.*, COALESCE(taken.places, 0) + row_number() OVER (
                   PARTITION BY requested.inbox, stopped
                   ORDER BY EXISTS (SELECT FROM held WHERE held.enrollment_id = requested.id) DESC,
                            requested.places DESC, turn
               ) <= requested.places AS has_place
        FROM requested LEFT JOIN taken USING (inbox)
    ), admitted AS MATERIALIZED (
        SELECT * FROM judged WHERE has_place AND NOT stopped
    ), reserved AS (
        INSERT INTO sender_reservations (enrollment_id, account, inbox, reserved_at)
        SELECT id, :account, inbox, moment FROM admitted, clock ORDER BY id
        ON CONFLICT (enrollment_id) DO UPDATE SET reserved_at = excluded.reserved_at, inbox = excluded.inbox
    ), moved AS (
        UPDATE enrollments SET step = 'sending', sending_at = moment, updated_at = moment,
               first_sending_at = COALESCE(first_sending_at, moment)
        FROM admitted, clock WHERE enrollments.id = admitted.id
    ), noted AS (
        INSERT INTO journal (enrollment_id, at, before, after, step, attempt, cause, detail)
        SELECT id, moment, 'working', 'working', 'sending', attempt, 'sending', detail
        FROM admitted, clock WHERE NOT again ORDER BY id
    )
    SELECT id, expired, paused_at, reason, full_until, has_place, moment,
           moment + CAST(:recheck_after AS interval) AS recheck_at
    FROM judged, clock
""")  # noqa: S608  # the only text put in is the condition above


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """One enrollment to send by `sender`, whose inbox has `places` in 24 hours."""

    enrollment: Enrollment
    sender: Sender
    places: int

    @property
    def inbox(self) -> str:
        """The inbox whose ledger counts the enrollment."""
        return self.sender.email.lower()


class SendingCommits:
    """Commits `sending` for the enrollments of one account; requests that wait while a commit runs share the next one.

    `observe` receives the seconds that each commit took, including its waits for locks.
    """

    def __init__(self, engine: AsyncEngine, account: str, observe: Callable[[float], None]) -> None:
        self._engine = engine
        self._account = account
        self._observe = observe
        # Permits come several at a time. One turn of the event loop later, all that received one have made a request.
        self._batcher: Batcher[Request, datetime] = Batcher(
            self._commit,
            acquire=partial(asyncio.sleep, 0),
            identity=lambda item: item.enrollment.id,
            limit=MAXIMUM_BATCH,
        )

    async def commit(self, enrollment: Enrollment, sender: Sender, *, limit: int | None) -> datetime:
        """Commit `sending` and the reservation in the sender's ledger; return the database's time of the commit.

        `limit` caps the sender's enrollments in 24 hours below HubSpot's own limit.

        Raises FenceLost when another worker has claimed the row, SenderGone when the inbox is full or paused, and
        HeldError when the enrollment's time (`expires_after`) is over: it expires next.
        """
        places = min(limit or DEFAULT_LIMIT, DEFAULT_LIMIT)
        return await self._batcher.ask(Request(enrollment, sender, places))

    async def close(self) -> None:
        """Accept no more requests."""
        await self._batcher.close()

    async def _commit(self, requests: Sequence[Request]) -> Mapping[Request, datetime | SegueError]:
        started = elapsed_seconds()
        async with self._engine.begin() as connection:
            results = await self._write(connection, requests)
        self._observe(elapsed_seconds() - started)
        return results

    async def _write(
        self, connection: AsyncConnection, requests: Sequence[Request]
    ) -> Mapping[Request, datetime | SegueError]:
        inboxes = sorted({request.inbox for request in requests})
        values = {
            "account": self._account,
            "inboxes": inboxes,
            "ids": [request.enrollment.id for request in requests],
            "attempts": [request.enrollment.attempt for request in requests],
            "senders": [request.inbox for request in requests],
            "places": [request.places for request in requests],
            "details": [_detail(request.sender) for request in requests],
            "period": PERIOD,
            "recheck_after": RECHECK_AFTER,
        }
        await connection.execute(LOCK_INBOXES, {"account": self._account, "inboxes": inboxes})
        rows = {row.id: row for row in await connection.execute(COMMIT_SENDING, values)}
        return {
            request: await self._result(connection, request, rows.get(request.enrollment.id)) for request in requests
        }

    async def _result(
        self, connection: AsyncConnection, request: Request, row: Row[Any] | None
    ) -> datetime | SegueError:
        """Return the time of the commit, or why the enrollment is not sent."""
        enrollment, sender = request.enrollment, request.sender
        if row is None:
            return FenceLost(enrollment.id)
        if row.expired:
            return HeldError("expired", row.moment, "its time was over before it could be sent")
        if row.paused_at is not None:
            return SenderGone("sender_paused", row.recheck_at, f"{sender.name} is paused: {row.reason}")
        if row.full_until is not None or not row.has_place:
            return SenderGone("quota", row.full_until or await self._free_at(connection, request, row))
        moment: datetime = row.moment
        return moment

    async def _free_at(self, connection: AsyncConnection, request: Request, row: Row[Any]) -> datetime:
        """Return when the enrollment is looked at again: at once, where another sender may be chosen."""
        if request.enrollment.first_sending_at is not None:
            return await next_free(connection, request.enrollment, request.sender, limit=request.places)
        moment: datetime = row.moment
        return moment


def _detail(sender: Sender) -> str:
    """Return what the journal says of the sender."""
    alias = f" by the alias {sender.alias}" if sender.alias else ""
    return f"as {sender.name} (user {sender.user_id}){alias}"
