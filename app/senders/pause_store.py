"""Pauses of senders, shared by all replicas: paused by an operator or after refusals, or full by HubSpot's reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.audit.act import who
from app.audit.store import note
from app.database.fragments import ONE_AFTER_THE_OTHER
from app.model import Sender
from app.senders.inbox_store import READ_INBOXES, STATE_OF_WANTED, inbox_values, inboxes_of
from app.senders.quota_store import PERIOD

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.database.direct import DirectConnection
    from app.senders.inbox_store import Inbox

MAXIMUM_REFUSALS = 3

# Contacts' owners send, too, although no rule names them: they are stored, so that operators see and resume them.
NOTE_REFUSAL = text("""
    INSERT INTO sender_pauses AS kept (account, inbox, refusals, reason, sender, user_id)
    VALUES (:account, :inbox, 1, :reason, :sender, :user_id)
    ON CONFLICT (account, inbox) DO UPDATE SET
        refusals = kept.refusals + 1, sender = excluded.sender, user_id = excluded.user_id,
        reason = CASE WHEN kept.paused_by IS NULL THEN excluded.reason ELSE kept.reason END,
        paused_at = CASE WHEN kept.refusals + 1 >= :maximum THEN COALESCE(kept.paused_at, clock_timestamp())
                         ELSE kept.paused_at END
""")

# HubSpot also counts enrollments that people make: the inbox is full whatever our ledger says, until the next try.
NOTE_FULL = text("""
    INSERT INTO sender_pauses AS kept (account, inbox, reason, sender, user_id, full_until)
    VALUES (:account, :inbox, :reason, :sender, :user_id, :full_until)
    ON CONFLICT (account, inbox) DO UPDATE SET
        full_until = excluded.full_until, sender = excluded.sender, user_id = excluded.user_id
""")

# The inboxes that no rule names and that are used, paused or full: those of contacts' owners. Every scrape of the
# metrics runs this, and a day has very many reservations: each used inbox of an account is found by one index lookup,
# which finds none beyond the last one, and its sender by its latest reservation.
_OTHERS = """
    used AS (
        SELECT named.account, (SELECT first.inbox FROM sender_reservations AS first
                               WHERE first.account = named.account ORDER BY first.inbox LIMIT 1) AS inbox
        FROM unnest(CAST(:accounts AS text[])) AS named(account)
        UNION ALL
        SELECT used.account, (SELECT next.inbox FROM sender_reservations AS next
                              WHERE next.account = used.account AND next.inbox > used.inbox
                              ORDER BY next.inbox LIMIT 1)
        FROM used WHERE used.inbox IS NOT NULL
    ), others AS (
        SELECT account, inbox, COALESCE(sender, inbox) AS sender, COALESCE(user_id, '') AS user_id FROM sender_pauses
        WHERE account = ANY(CAST(:accounts AS text[])) AND inbox <> ALL(CAST(:inboxes AS text[]))
        UNION
        SELECT used.account, used.inbox, sent.sender, sent.sender_user_id
        FROM used CROSS JOIN LATERAL (
            SELECT enrollment_id FROM sender_reservations
            WHERE account = used.account AND inbox = used.inbox
              AND reserved_at > statement_timestamp() - CAST(:period AS interval)
            ORDER BY reserved_at DESC LIMIT 1
        ) AS latest JOIN enrollments AS sent ON sent.id = latest.enrollment_id
        WHERE used.inbox <> ALL(CAST(:inboxes AS text[])) AND NOT EXISTS (
            SELECT FROM sender_pauses AS kept WHERE kept.account = used.account AND kept.inbox = used.inbox
        )
    )
"""
READ_OTHERS = text(f"WITH RECURSIVE {_OTHERS} SELECT * FROM others ORDER BY account, inbox")  # noqa: S608  # a constant

# All senders at once: the inboxes that are named, in each account, and those others, which have a `sender`.
READ_ALL = text(f"""
    WITH RECURSIVE {_OTHERS}, wanted AS (
        SELECT account, inbox, NULL AS sender, NULL AS user_id
        FROM unnest(CAST(:accounts AS text[])) AS account CROSS JOIN unnest(CAST(:inboxes AS text[])) AS inbox
        UNION ALL SELECT * FROM others
    )
    SELECT wanted.account, wanted.inbox, wanted.sender, wanted.user_id, {STATE_OF_WANTED}
    ORDER BY wanted.account, wanted.inbox
""")  # noqa: S608  # as above

READ_PAUSE = text("SELECT paused_at, reason FROM sender_pauses WHERE account = :account AND inbox = :inbox FOR UPDATE")

PAUSE = text("""
    INSERT INTO sender_pauses AS kept (account, inbox, reason, sender, user_id, paused_at, paused_by)
    VALUES (:account, :inbox, :reason, :sender, :user_id, clock_timestamp(), :by)
    ON CONFLICT (account, inbox) DO UPDATE SET
        reason = excluded.reason, paused_by = excluded.paused_by, sender = excluded.sender, user_id = excluded.user_id,
        paused_at = COALESCE(kept.paused_at, excluded.paused_at)
    WHERE CAST(:again AS boolean) OR kept.paused_at IS NULL
    RETURNING inbox
""")

# Enrollments that waited for the sender become due one after the other.
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
""")  # noqa: S608  # the only text put in is a constant


class SenderPauseStore:
    """The pauses in the database, which all replicas share."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def inboxes(self, wanted: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Inbox]:
        """Return the state of each inbox, by its account and itself."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(READ_INBOXES, inbox_values(wanted))
            return inboxes_of(rows.mappings().all())

    async def others(self, accounts: Sequence[str], *, excluding: Sequence[str]) -> list[tuple[str, Sender]]:
        """Return senders that are used, paused or full, each with its account, without the inboxes `excluding`.

        They are contacts' owners.
        """
        values = {"accounts": list(accounts), "inboxes": list(excluding), "period": PERIOD}
        async with self._engine.connect() as connection:
            rows = await connection.execute(READ_OTHERS, values)
            return [(row.account, Sender(row.sender, row.user_id, row.inbox)) for row in rows]

    async def all(
        self, accounts: Sequence[str], named: Sequence[str]
    ) -> tuple[list[tuple[str, Sender]], Mapping[tuple[str, str], Inbox]]:
        """Return what `others` does, and what `inboxes` does of those and of the inboxes `named` in each account."""
        values = {"accounts": list(accounts), "inboxes": list(named), "period": PERIOD}
        async with self._engine.connect() as connection:
            rows = (await connection.execute(READ_ALL, values)).mappings().all()
        others = [
            (row["account"], Sender(row["sender"], row["user_id"], row["inbox"])) for row in rows if row["sender"]
        ]
        return others, inboxes_of(rows)

    async def pause(self, account: str, sender: Sender, reason: str, *, again: bool = True) -> bool:
        """Send nothing by this sender's inbox until it is resumed; return whether that was written.

        One that is paused already gets the new reason `again`, and is left alone without that.
        """
        values = _pause_values(account, sender, reason)
        async with self._engine.begin() as connection:
            before = (await connection.execute(READ_PAUSE, {"account": account, "inbox": values["inbox"]})).first()
            written = (await connection.execute(PAUSE, values | {"by": who(), "again": again})).first() is not None
            if written:
                await note(connection, before=_paused(before), after={"paused": True, "reason": reason})
            return written

    async def resume(self, account: str, inbox: str) -> bool:
        """Send by this inbox again; return whether it was paused."""
        values = {"account": account, "inbox": inbox}
        async with self._engine.begin() as connection:
            before = (await connection.execute(READ_PAUSE, values)).first()
            resumed = (await connection.execute(RESUME, values)).first() is not None
            if resumed:
                await note(connection, before=_paused(before), after={"paused": False})
            return resumed


async def note_refusal(connection: DirectConnection, account: str, sender: Sender, reason: str) -> None:
    """Count a refusal that the sender caused; the third one in a row pauses it."""
    await connection.fetch(NOTE_REFUSAL, _pause_values(account, sender, reason) | {"maximum": MAXIMUM_REFUSALS})


async def note_full(
    connection: DirectConnection, account: str, sender: Sender, reason: str, full_until: datetime
) -> None:
    """Send nothing by this sender until `full_until`: HubSpot says that it is full."""
    await connection.fetch(NOTE_FULL, _pause_values(account, sender, reason) | {"full_until": full_until})


def _paused(row: Row[Any] | None) -> dict[str, Any]:
    """Return what the audit log says of a sender's pause."""
    paused = row is not None and row.paused_at is not None
    return {"paused": paused, "reason": row.reason if paused and row else None}


def _pause_values(account: str, sender: Sender, reason: str) -> dict[str, str]:
    return {
        "account": account,
        "inbox": sender.email.lower(),
        "reason": reason,
        "sender": sender.name,
        "user_id": sender.user_id,
    }
