"""How senders stand, on every replica: who is paused, by whom or since which refusal, and who is full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from app.database.fragments import ONE_AFTER_THE_OTHER
from app.model import Sender
from app.senders.inbox_store import read_inboxes
from app.senders.quota_store import PERIOD
from app.senders.store import SenderAssignment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from app.model import Enrollment
    from app.senders.choose import Considered
    from app.senders.inbox_store import Inbox
    from app.senders.store import Assigned, Group

MAXIMUM_REFUSALS = 3

# Contacts' owners send, too, whom no rule names: who it is is kept, so that operators see and resume them.
NOTE_REFUSAL = text("""
    INSERT INTO sender_pauses AS kept (account, inbox, refusals, reason, sender, user_id)
    VALUES (:account, :inbox, 1, :reason, :sender, :user_id)
    ON CONFLICT (account, inbox) DO UPDATE SET
        refusals = kept.refusals + 1, reason = excluded.reason, sender = excluded.sender, user_id = excluded.user_id,
        paused_at = CASE WHEN kept.refusals + 1 >= :maximum THEN COALESCE(kept.paused_at, clock_timestamp())
                         ELSE kept.paused_at END
""")

# HubSpot counts what is sent by hand, too: the inbox is full whatever our ledger says, until it is tried again.
NOTE_FULL = text("""
    INSERT INTO sender_pauses AS kept (account, inbox, reason, sender, user_id, full_until)
    VALUES (:account, :inbox, :reason, :sender, :user_id, :full_until)
    ON CONFLICT (account, inbox) DO UPDATE SET
        full_until = excluded.full_until, sender = excluded.sender, user_id = excluded.user_id
""")

# One that was sent just before HubSpot said so does not take that back.
NOTE_SUCCESS = text("""
    WITH gone AS (
        DELETE FROM sender_pauses
        WHERE account = :account AND inbox = :inbox AND paused_at IS NULL
          AND (full_until IS NULL OR full_until <= clock_timestamp())
    )
    UPDATE sender_pauses SET refusals = 0
    WHERE account = :account AND inbox = :inbox AND paused_at IS NULL AND full_until > clock_timestamp()
""")

# The inboxes that no rule names and of which there is something to tell: those of contacts' owners. Every scrape of the
# metrics asks this, and a day's reservations are very many: each inbox that was used is found by one look at the index,
# and its sender by its latest reservation.
READ_OTHERS = text("""
    WITH RECURSIVE used AS (
        (SELECT inbox FROM sender_reservations WHERE account = :account ORDER BY inbox LIMIT 1)
        UNION ALL
        SELECT (SELECT next.inbox FROM sender_reservations AS next
                WHERE next.account = :account AND next.inbox > used.inbox ORDER BY next.inbox LIMIT 1)
        FROM used WHERE used.inbox IS NOT NULL
    )
    SELECT inbox, COALESCE(sender, inbox) AS sender, COALESCE(user_id, '') AS user_id FROM sender_pauses
    WHERE account = :account AND inbox <> ALL(CAST(:inboxes AS text[]))
    UNION
    SELECT used.inbox, sent.sender, sent.sender_user_id
    FROM used CROSS JOIN LATERAL (
        SELECT enrollment_id FROM sender_reservations
        WHERE account = :account AND inbox = used.inbox
          AND reserved_at > statement_timestamp() - CAST(:period AS interval)
        ORDER BY reserved_at DESC LIMIT 1
    ) AS latest JOIN enrollments AS sent ON sent.id = latest.enrollment_id
    WHERE used.inbox <> ALL(CAST(:inboxes AS text[]))
      AND NOT EXISTS (SELECT FROM sender_pauses AS kept WHERE kept.account = :account AND kept.inbox = used.inbox)
    ORDER BY inbox
""")

PAUSE = text("""
    INSERT INTO sender_pauses AS kept (account, inbox, reason, sender, user_id, paused_at)
    VALUES (:account, :inbox, :reason, :sender, :user_id, clock_timestamp())
    ON CONFLICT (account, inbox) DO UPDATE SET
        reason = excluded.reason, sender = excluded.sender, user_id = excluded.user_id,
        paused_at = COALESCE(kept.paused_at, excluded.paused_at)
""")

# Who waited for the sender is looked at again, one after the other.
RESUME = text(f"""
    WITH gone AS (
        DELETE FROM sender_pauses WHERE account = :account AND inbox = :inbox AND paused_at IS NOT NULL
        RETURNING inbox
    ), found AS MATERIALIZED (
        SELECT id FROM enrollments
        WHERE account = :account AND state = 'held' AND reason = 'sender_paused' AND EXISTS (SELECT FROM gone)
        ORDER BY id FOR UPDATE
    ), turns AS (
        SELECT id, {ONE_AFTER_THE_OTHER} AS due_at FROM found
    ), moved AS (
        UPDATE enrollments SET due_at = turns.due_at FROM turns WHERE enrollments.id = turns.id
    )
    SELECT inbox FROM gone
""")  # noqa: S608  # the only text put in is the times above


class SenderPauseStore:
    """Assigns senders, and keeps what must be the same on every replica."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def assign(self, enrollment: Enrollment, groups: Sequence[Group], before: tuple[Considered, ...]) -> Assigned:
        """Choose from the first group that has somebody, and write it down with what was thought of everybody.

        `before` is what was thought already. Raises FenceLost.
        """
        async with self._engine.begin() as connection:
            return await SenderAssignment(connection, enrollment).assign(groups, before)

    async def inboxes(self, account: str, inboxes: Sequence[str]) -> Mapping[str, Inbox]:
        """Return how each inbox stands."""
        async with self._engine.connect() as connection:
            return await read_inboxes(connection, account, inboxes)

    async def others(self, account: str, but: Sequence[str]) -> list[Sender]:
        """Return who sends, or is paused or full, beside the inboxes `but`: contacts' owners, whom no rule names."""
        values = {"account": account, "inboxes": list(but), "period": PERIOD}
        async with self._engine.connect() as connection:
            rows = await connection.execute(READ_OTHERS, values)
            return [Sender(row.sender, row.user_id, row.inbox) for row in rows]

    async def pause(self, account: str, sender: Sender, reason: str) -> None:
        """Send nothing by this sender's inbox until it is resumed."""
        async with self._engine.begin() as connection:
            await connection.execute(PAUSE, _blamed(account, sender, reason))

    async def resume(self, account: str, inbox: str) -> bool:
        """Send by this inbox again; tell whether it was paused."""
        async with self._engine.begin() as connection:
            return (await connection.execute(RESUME, {"account": account, "inbox": inbox})).first() is not None


async def note_refusal(connection: AsyncConnection, account: str, sender: Sender, reason: str) -> None:
    """Count a refusal that is the sender's own fault; the third one in a row pauses it."""
    await connection.execute(NOTE_REFUSAL, _blamed(account, sender, reason) | {"maximum": MAXIMUM_REFUSALS})


async def note_full(
    connection: AsyncConnection, account: str, sender: Sender, reason: str, full_until: datetime
) -> None:
    """Take nothing more from this sender until then: HubSpot says that it is full."""
    await connection.execute(NOTE_FULL, _blamed(account, sender, reason) | {"full_until": full_until})


def _blamed(account: str, sender: Sender, reason: str) -> dict[str, str]:
    return {
        "account": account,
        "inbox": sender.email.lower(),
        "reason": reason,
        "sender": sender.name,
        "user_id": sender.user_id,
    }


async def note_success(connection: AsyncConnection, account: str, inbox: str) -> None:
    """Forget refusals: they were not in a row."""
    await connection.execute(NOTE_SUCCESS, {"account": account, "inbox": inbox})
