"""The ledger of senders for operators: what was sent hour by hour, when a place becomes free, and who waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.database.engine import busy_when_gone
from app.senders.quota_store import PERIOD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import TextClause
    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.senders.status import SenderStatus

MOST_COUNTED = 10_000
MOST_LISTED = 50

# Hours of UTC. The first one is cut by the period.
SENT_BY_HOUR = text("""
    SELECT wanted.inbox, date_trunc('hour', reserved_at, 'UTC') AS hour, count(*) AS sent
    FROM unnest(CAST(:inboxes AS text[])) AS wanted(inbox)
    JOIN sender_reservations AS used ON used.account = :account AND used.inbox = wanted.inbox
    WHERE reserved_at > statement_timestamp() - CAST(:period AS interval)
    GROUP BY 1, 2 ORDER BY 1, 2
""")

# Of a full inbox the newest reservations are its places, as many as it has: the oldest of these becomes free next.
NEXT_PLACES = text("""
    SELECT wanted.account, wanted.inbox, (
        SELECT reserved_at + CAST(:period AS interval) FROM sender_reservations AS used
        WHERE used.account = wanted.account AND used.inbox = wanted.inbox
          AND reserved_at > statement_timestamp() - CAST(:period AS interval)
        ORDER BY reserved_at DESC OFFSET wanted.places - 1 LIMIT 1
    ) AS next_at
    FROM unnest(CAST(:accounts AS text[]), CAST(:inboxes AS text[]), CAST(:places AS bigint[]))
        AS wanted(account, inbox, places)
""")

_WAITING = """
    SELECT id, email, rule, sequence, sender, state, reason, due_at, updated_at FROM enrollments
    WHERE account = :account AND sender_email = :inbox AND state IN ('held', 'ready', 'working')
      AND sending_at IS NULL LIMIT :most
"""
WAITING_BY_REASON = text(f"""
    SELECT state, reason, count(*) AS count, min(due_at) AS first_due_at FROM ({_WAITING}) AS waiting
    GROUP BY state, reason ORDER BY count DESC, state, reason
""")  # noqa: S608  # the only text put in is a constant
WAITING_FIRST = text(f"SELECT * FROM ({_WAITING}) AS waiting ORDER BY due_at, id LIMIT :listed")  # noqa: S608  # as above


class LedgerStore:
    """Reads the ledger. Every method raises Busy while the database cannot be reached."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def sent_by_hour(self, account: str, inboxes: Sequence[str]) -> Mapping[str, list[tuple[datetime, int]]]:
        """Return how many each inbox has sent in each hour (UTC) of the running 24; hours of nothing are left out."""
        rows = await self._rows(SENT_BY_HOUR, account=account, inboxes=list(inboxes), period=PERIOD)
        found: dict[str, list[tuple[datetime, int]]] = {inbox: [] for inbox in inboxes}
        for row in rows:
            found[row["inbox"]].append((row["hour"], row["sent"]))
        return found

    async def next_places(self, statuses: Sequence[SenderStatus]) -> Mapping[tuple[str, str], datetime | None]:
        """Return by account and inbox when a sender's next place becomes free, None where it has one now."""
        values = {
            "accounts": [one.account for one in statuses],
            "inboxes": [one.inbox for one in statuses],
            "places": [one.limit for one in statuses],
        }
        rows = await self._rows(NEXT_PLACES, period=PERIOD, **values)
        return {(row["account"], row["inbox"]): row["next_at"] for row in rows}

    async def waiting_by_reason(self, account: str, inbox: str) -> list[dict[str, Any]]:
        """Return how many enrollments wait for an inbox, by state and reason; 10,000 of them are counted at most."""
        return await self._rows(WAITING_BY_REASON, account=account, inbox=inbox, most=MOST_COUNTED)

    async def first_waiting(self, account: str, inbox: str) -> list[dict[str, Any]]:
        """Return the enrollments that wait for an inbox and are due first, 50 at most."""
        return await self._rows(WAITING_FIRST, account=account, inbox=inbox, most=MOST_COUNTED, listed=MOST_LISTED)

    async def _rows(self, statement: TextClause, **values: Any) -> list[dict[str, Any]]:
        with busy_when_gone():
            async with self._engine.connect() as connection:
                return [dict(row) for row in (await connection.execute(statement, values)).mappings()]
