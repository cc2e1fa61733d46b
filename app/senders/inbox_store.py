"""The state of each inbox: what is left of its 24 hours, how many wait for it, and whether it is paused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.senders.choose import Candidate
from app.senders.quota_store import DEFAULT_LIMIT, PERIOD

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from app.model import Sender

# The ledger is compared with `statement_timestamp()`, which its index serves. That is never later than the clock: a
# place that becomes free while the statement runs still counts as taken.
STATE_OF_WANTED = """
           paused_at, paused_by, reason,
           CASE WHEN full_until > clock_timestamp() THEN full_until END AS full_until,
           (SELECT count(*) FROM sender_reservations AS used
            WHERE used.account = wanted.account AND used.inbox = wanted.inbox
              AND reserved_at > statement_timestamp() - CAST(:period AS interval)) AS reserved,
           (SELECT count(*) FROM enrollments AS other
            WHERE other.account = wanted.account AND other.sender_email = wanted.inbox
              AND other.state IN ('held', 'ready', 'working') AND other.sending_at IS NULL) AS waiting
    FROM wanted
    LEFT JOIN sender_pauses ON sender_pauses.account = wanted.account AND sender_pauses.inbox = wanted.inbox
"""
READ_INBOXES = text(f"""
    WITH wanted(account, inbox) AS (SELECT * FROM unnest(CAST(:accounts AS text[]), CAST(:inboxes AS text[])))
    SELECT wanted.account, wanted.inbox, {STATE_OF_WANTED}
""")  # noqa: S608  # the only text put in is a constant


@dataclass(frozen=True, slots=True)
class Inbox:
    """The state of one inbox: places `reserved` in the running 24 hours, enrollments `waiting` for it, its pause.

    Until `full_until` HubSpot calls it full; None where it does not. `paused_by` is None where Segue paused it.
    """

    reserved: int
    waiting: int
    paused_at: datetime | None
    reason: str | None
    full_until: datetime | None = None
    paused_by: str | None = None

    def left(self, sender: Sender) -> int:
        """Return how many more the sender may send now."""
        return 0 if self.full_until else max(0, self.limit(sender) - self.reserved)

    def limit(self, sender: Sender) -> int:
        """Return how many enrollments the sender may send in 24 hours."""
        return places_of(sender)

    def candidate(self, sender: Sender, weight: int) -> Candidate:
        """Return the sender as a candidate for the choice."""
        paused = None if self.paused_at is None else f"since {self.paused_at:%Y-%m-%d %H:%M} UTC: {self.reason}"
        return Candidate(
            sender, self.left(sender), self.limit(sender), weight, self.waiting, paused, full_until=self.full_until
        )


def places_of(sender: Sender) -> int:
    """Return how many enrollments a sender may send in 24 hours."""
    return min(sender.daily or DEFAULT_LIMIT, DEFAULT_LIMIT)


def inbox_values(wanted: Collection[tuple[str, str]]) -> dict[str, Any]:
    """Return the parameters of READ_INBOXES for inboxes, each with its account."""
    accounts, inboxes = [account for account, _ in wanted], [inbox for _, inbox in wanted]
    return {"accounts": accounts, "inboxes": inboxes, "period": PERIOD}


def inboxes_of(rows: Iterable[Any]) -> dict[tuple[str, str], Inbox]:
    """Return the state of each inbox by its account and itself, from the rows of READ_INBOXES."""
    return {
        (row["account"], row["inbox"]): Inbox(
            row["reserved"], row["waiting"], row["paused_at"], row["reason"], row["full_until"], row["paused_by"]
        )
        for row in rows
    }
