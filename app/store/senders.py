"""ASSIGN, as it is kept: who sends an enrollment and why, whose turn it is, who stays with whom, and who is paused."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from app.errors import FenceLost
from app.model import OnSenderFull, Pick, Sender
from app.policy.choosing import Candidate, Choice, Considered, choose
from app.store.enrollments_sql import ONE_AFTER_THE_OTHER
from app.store.ledger import DEFAULT_LIMIT, PERIOD, next_free

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from app.model import Enrollment

MAXIMUM_REFUSALS = 3

# Taking the row is the pool's lock: whoever chooses sees what those before chose. Otherwise a hundred that are assigned
# at once would all find the same sender with most left.
LOCK_POOL = text("""
    INSERT INTO pool_turns (account, pool) VALUES (:account, :pool)
    ON CONFLICT (account, pool) DO UPDATE SET turn = pool_turns.turn
    RETURNING turn
""")

TAKE_TURN = text("UPDATE pool_turns SET turn = turn + 1 WHERE account = :account AND pool = :pool")

READ_INBOXES = text("""
    SELECT wanted.inbox, paused_at, reason, CASE WHEN full_until > clock_timestamp() THEN full_until END AS full_until,
           (SELECT count(*) FROM sender_reservations AS used
            WHERE used.account = :account AND used.inbox = wanted.inbox AND enrollment_id <> :id
              AND reserved_at > clock_timestamp() - CAST(:period AS interval)) AS reserved,
           (SELECT count(*) FROM enrollments AS other
            WHERE other.account = :account AND other.sender_email = wanted.inbox AND other.id <> :id
              AND other.state IN ('held', 'ready', 'working') AND other.sending_at IS NULL) AS waiting
    FROM unnest(CAST(:inboxes AS text[])) AS wanted(inbox)
    LEFT JOIN sender_pauses ON sender_pauses.account = :account AND sender_pauses.inbox = wanted.inbox
""")

READ_STICKY = text("""
    SELECT sender FROM sticky_senders WHERE account = :account AND pool = :pool AND subject = :subject
""")

WRITE_STICKY = text("""
    INSERT INTO sticky_senders AS kept (account, pool, subject, sender, chosen_at)
    VALUES (:account, :pool, :subject, :sender, clock_timestamp())
    ON CONFLICT (account, pool, subject) DO UPDATE SET sender = excluded.sender, chosen_at = excluded.chosen_at
    WHERE kept.sender <> excluded.sender
""")

# What was thought of each sender is kept also where none could be taken: that is why somebody waits.
WRITE_ASSIGNMENT = text("""
    WITH moved AS (
        UPDATE enrollments SET sender = :sender, sender_user_id = :user_id, sender_email = :email,
               assignment = CAST(:assignment AS jsonb), step = CASE WHEN :chosen THEN 'assigned' ELSE step END,
               updated_at = clock_timestamp()
        WHERE id = :id AND attempt = :attempt AND state = 'working'
        RETURNING id, attempt, step
    ), noted AS (
        INSERT INTO journal (enrollment_id, at, before, after, step, attempt, cause, detail)
        SELECT id, clock_timestamp(), 'working', 'working', step, attempt, 'assigned', :detail FROM moved
        WHERE :chosen
    )
    SELECT id FROM moved
""")

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

# Whose inboxes no rule names, and of which there is something to tell: contacts' owners.
READ_OTHERS = text("""
    SELECT inbox, COALESCE(sender, inbox) AS sender, COALESCE(user_id, '') AS user_id FROM sender_pauses
    WHERE account = :account AND inbox <> ALL(CAST(:inboxes AS text[]))
    UNION
    SELECT DISTINCT ON (used.inbox) used.inbox, sent.sender, sent.sender_user_id
    FROM sender_reservations AS used JOIN enrollments AS sent ON sent.id = used.enrollment_id
    WHERE used.account = :account AND used.inbox <> ALL(CAST(:inboxes AS text[]))
      AND reserved_at > clock_timestamp() - CAST(:period AS interval)
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


@dataclass(frozen=True, slots=True)
class Inbox:
    """How one inbox stands: places taken in the running 24 hours, who is assigned and not sent, its pause.

    `full_until` is until when HubSpot's word counts that it is full, None where that is not so now.
    """

    reserved: int
    waiting: int
    paused_at: datetime | None
    reason: str | None
    full_until: datetime | None = None

    def left(self, sender: Sender) -> int:
        """Return how many more the sender may send now."""
        return 0 if self.full_until else max(0, self.limit(sender) - self.reserved)

    def limit(self, sender: Sender) -> int:
        """Return how many enrollments the sender may send in 24 hours."""
        return min(sender.daily or DEFAULT_LIMIT, DEFAULT_LIMIT)

    def candidate(self, sender: Sender, weight: int) -> Candidate:
        """Return the sender as one that may be chosen."""
        paused = None if self.paused_at is None else f"since {self.paused_at:%Y-%m-%d %H:%M} UTC: {self.reason}"
        return Candidate(
            sender, self.left(sender), self.limit(sender), weight, self.waiting, paused, full_until=self.full_until
        )


@dataclass(frozen=True, slots=True)
class Group:
    """Senders that one is chosen from: a pool, or a single one.

    `pool` is None for a single one. `subject` is who stays with the choice, None where nobody does.
    """

    pool: str | None
    pick: Pick
    members: tuple[tuple[Sender, int], ...]
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Assigned:
    """How assigning ended. `free_at` is when a place falls free, where everybody is full."""

    sender: Sender | None
    considered: tuple[Considered, ...]
    free_at: datetime | None = None


class SenderBooks:
    """Assigns senders, and keeps what must be the same on every replica."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def assign(self, enrollment: Enrollment, groups: Sequence[Group], before: tuple[Considered, ...]) -> Assigned:
        """Choose from the first group that has somebody, and write it down with what was thought of everybody.

        `before` is what was thought already. Raises FenceLost.
        """
        considered = before
        places: list[tuple[datetime, Sender]] = []
        async with self._engine.begin() as connection:
            for number, group in enumerate(groups, start=1):
                choice, candidates = await self._choose(connection, enrollment, group)
                considered += choice.considered
                if choice.sender is not None:
                    considered += _spared(groups[number:], considered, choice.sender)
                    await self._take(connection, enrollment, group, choice.sender, considered)
                    return Assigned(choice.sender, considered)
                places += [await self._place(connection, enrollment, full) for full in candidates if full.waited_for]
                if choice.full and enrollment.plan.on_sender_full is not OnSenderFull.NEXT_SENDER:
                    break
            # Who is waited for is written down, too: places that fall free are shared out by it.
            free_at, waited_for = min(places, key=lambda place: place[0], default=(None, None))
            await self._write(connection, enrollment, waited_for, considered, chosen=False)
        return Assigned(None, considered, free_at)

    async def _place(
        self, connection: AsyncConnection, enrollment: Enrollment, full: Candidate
    ) -> tuple[datetime, Sender]:
        if full.full_until is not None:
            return full.full_until, full.sender
        return await next_free(connection, enrollment, full.sender, limit=full.limit), full.sender

    async def _choose(
        self, connection: AsyncConnection, enrollment: Enrollment, group: Group
    ) -> tuple[Choice, list[Candidate]]:
        key = {"account": enrollment.account, "pool": group.pool, "subject": group.subject}
        turn, earlier = 0, enrollment.sender.name if enrollment.sender else None
        if group.pool is not None:
            turn = (await connection.execute(LOCK_POOL, key)).scalar_one()
            if group.subject is not None:
                earlier = (await connection.execute(READ_STICKY, key)).scalar_one_or_none()
        candidates = await self._candidates(connection, enrollment, group)
        choice = choose(
            candidates,
            group.pick,
            subject=group.subject or enrollment.email,
            turn=turn,
            earlier=earlier,
            waits=group.subject is not None and enrollment.plan.on_sender_full is not OnSenderFull.NEXT_SENDER,
        )
        return choice, candidates

    async def _candidates(self, connection: AsyncConnection, enrollment: Enrollment, group: Group) -> list[Candidate]:
        inboxes = sorted({sender.email for sender, _ in group.members})
        found = await _inboxes(connection, enrollment.account, inboxes, but=enrollment.id)
        return [found[sender.email].candidate(sender, weight) for sender, weight in group.members]

    async def _take(
        self,
        connection: AsyncConnection,
        enrollment: Enrollment,
        group: Group,
        sender: Sender,
        considered: tuple[Considered, ...],
    ) -> None:
        key = {"account": enrollment.account, "pool": group.pool, "subject": group.subject, "sender": sender.name}
        if group.pool is not None and group.pick is Pick.ROUND_ROBIN:
            await connection.execute(TAKE_TURN, key)
        if group.pool is not None and group.subject is not None:
            await connection.execute(WRITE_STICKY, key)
        await self._write(connection, enrollment, sender, considered, chosen=True)

    async def _write(
        self,
        connection: AsyncConnection,
        enrollment: Enrollment,
        sender: Sender | None,
        considered: tuple[Considered, ...],
        *,
        chosen: bool,
    ) -> None:
        because = next((item.because for item in considered if item.chosen), "")
        values = {
            "id": enrollment.id,
            "attempt": enrollment.attempt,
            "sender": sender.name if sender else None,
            "user_id": sender.user_id if sender else None,
            "email": sender.email if sender else None,
            "assignment": json.dumps([asdict(item) for item in considered]),
            "detail": f"sender {sender.name}: {because}" if sender else None,
            "chosen": chosen,
        }
        if (await connection.execute(WRITE_ASSIGNMENT, values)).first() is None:
            raise FenceLost(enrollment.id)

    async def inboxes(self, account: str, inboxes: Sequence[str]) -> Mapping[str, Inbox]:
        """Return how each inbox stands."""
        async with self._engine.connect() as connection:
            return await _inboxes(connection, account, inboxes)

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


def _spared(groups: Sequence[Group], considered: tuple[Considered, ...], chosen: Sender) -> tuple[Considered, ...]:
    """Return what is to be said of fallbacks that nobody needed."""
    known = {item.sender for item in considered}
    names = dict.fromkeys(sender.name for group in groups for sender, _ in group.members)
    because = f"a fallback, and {chosen.name} can send"
    return tuple(Considered(name, chosen=False, because=because) for name in names if name not in known)


async def _inboxes(
    connection: AsyncConnection, account: str, inboxes: Sequence[str], *, but: str = ""
) -> dict[str, Inbox]:
    """Return how each inbox stands, as if the enrollment `but` were not there."""
    values = {"account": account, "id": but, "inboxes": list(inboxes), "period": PERIOD}
    rows = await connection.execute(READ_INBOXES, values)
    return {row.inbox: Inbox(row.reserved, row.waiting, row.paused_at, row.reason, row.full_until) for row in rows}
