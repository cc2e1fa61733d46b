"""One sender: what it sent in these 24 hours, what waits for it and why, and whether it is paused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from app.catalogue.listing_store import Names
from app.console import sender_changes as changes
from app.console.page import LIVE_SECONDS, ROOT, Pages, Visit
from app.console.receipts.wording import as_sentence
from app.console.sender_line import SenderLine, line_of
from app.console.sender_words import one_in_words
from app.console.states import shown
from app.console.text import moment, number
from app.enrollments.reasons import why as why_of
from app.model import State
from app.operators import Role
from app.senders.ledger_store import LedgerStore
from app.senders.pause_store import SenderPauseStore
from app.senders.status import SenderStatuses

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from app.console.context import Console

HOURS = 24
A_PERSON = "the person"


@dataclass(frozen=True, slots=True)
class Waits:
    """How many wait in one state for one reason, and when the first of them is due."""

    mark: str
    word: str
    why: str
    code: str | None
    count: int
    first_due_at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """One enrollment that waits for the sender."""

    url: str
    rule: str
    mark: str
    word: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class SenderPage:
    """One sender. `hours` are those of the running 24, each with its words and how many were sent."""

    sentence: str
    sender: SenderLine
    hours: Sequence[tuple[str, int]]
    waits: Sequence[Waits]
    first_waiting: Sequence[Waiting]
    paused: bool
    may_change: bool
    pause_url: str
    resume_url: str


def pages(console: Console) -> Pages:
    """Return the page."""
    pages, ledger = Pages(), LedgerStore(console.reads)
    statuses = SenderStatuses(SenderPauseStore(console.reads), lambda: console.process.rulebook.current)

    @pages.show("/senders/{sender}", "sender.html", live=LIVE_SECONDS)
    async def sender(visit: Visit) -> SenderPage:
        one, status = await changes.named(statuses, visit)
        next_at = None if status.left else (await ledger.next_places([status]))[status.account, status.inbox]
        hours = (await ledger.sent_by_hour(status.account, [one.email]))[one.email]
        waits = await ledger.waiting_by_reason(status.account, one.email)
        first = await ledger.first_waiting(status.account, one.email)
        return SenderPage(
            sentence=one_in_words(status, next_at, visit.now, visit.zone),
            sender=line_of(status, next_at, Names(), console.process.rulebook.current, visit),
            hours=hours_in_words(hours, visit),
            waits=[_waits(row) for row in waits],
            first_waiting=[_waiting(row) for row in first],
            paused=status.paused_at is not None,
            may_change=visit.may(Role.OPERATOR),
            pause_url=changes.url_of(status, "/pause"),
            resume_url=changes.url_of(status, "/resume"),
        )

    return pages


def hours_in_words(hours: Sequence[tuple[datetime, int]], visit: Visit) -> list[tuple[str, int]]:
    """Return the running 24 hours, oldest first, each with its words; hours of nothing are there, too."""
    sent = dict(hours)
    last = visit.now.replace(minute=0, second=0, microsecond=0)
    every = [last - timedelta(hours=back) for back in range(HOURS, -1, -1)]
    return [
        (f"{moment(hour, visit.now, visit.zone)}: {number(sent.get(hour, 0))}", sent.get(hour, 0)) for hour in every
    ]


def _waits(row: Mapping[str, Any]) -> Waits:
    mark, word = shown(row["state"])
    clause = why_of(State(row["state"]), row["reason"], name=A_PERSON).clause if row["reason"] else ""
    return Waits(mark, word, as_sentence(clause), row["reason"], row["count"], row["first_due_at"])


def _waiting(row: Mapping[str, Any]) -> Waiting:
    mark, word = shown(row["state"])
    return Waiting(f"{ROOT}/enrollments/{row['id']}", row["rule"], mark, word, row["due_at"])
