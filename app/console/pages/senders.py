"""Senders: who is full, who is paused and since when, what waits for whom, and when the next place becomes free."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.catalogue.listing_store import names_listed
from app.console import sender_changes as changes
from app.console.page import LIVE_SECONDS, Pages, Place, Visit
from app.console.sender_line import SenderLine, line_of
from app.console.sender_words import all_in_words
from app.senders.ledger_store import LedgerStore
from app.senders.pause_store import SenderPauseStore
from app.senders.status import SenderStatuses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.console.context import Console
    from app.rules.rulebook import Rulebook
    from app.senders.status import SenderStatus

STICKY = {
    "none": "each enrollment anew",
    "contact": "a contact keeps its sender",
    "company": "a company keeps its sender",
}


@dataclass(frozen=True, slots=True)
class PoolLine:
    """One pool of the rules: its members with their weights, and how many places they have left together."""

    name: str
    pick: str
    sticky: str
    members: Sequence[tuple[str, int]]
    left: int


@dataclass(frozen=True, slots=True)
class SendersPage:
    """All senders, in each account."""

    sentence: str
    lines: Sequence[SenderLine]
    pools: Sequence[PoolLine]
    several_accounts: bool


def pages(console: Console) -> Pages:
    """Return the page, and both changes."""
    pages, ledger = Pages(Place("Senders", "Set up", 30)), LedgerStore(console.reads)
    statuses = SenderStatuses(SenderPauseStore(console.reads), lambda: console.process.rulebook.current)

    @pages.show("/senders", "senders.html", live=LIVE_SECONDS)
    async def senders(visit: Visit) -> SendersPage:
        found, book = await statuses.all(), console.process.rulebook.current
        nexts = await ledger.next_places([one for one in found if not one.left])
        names = await names_listed(console.reads, users=[one.user_id for one in found])
        lines = [line_of(one, nexts.get((one.account, one.inbox)), names, book, visit) for one in found]
        return SendersPage(all_in_words(found), lines, _pools(book, found), len({one.account for one in found}) > 1)

    changes.add(pages, console)
    return pages


def _pools(book: Rulebook | None, statuses: Sequence[SenderStatus]) -> list[PoolLine]:
    left: dict[str, int] = defaultdict(int)
    for one in statuses:
        left[one.name] += one.left if one.paused_at is None else 0
    pools = book.pools.values() if book else ()
    return [
        PoolLine(one.name, one.pick, STICKY[one.sticky], one.members, sum(left[name] for name, _ in one.members))
        for one in pools
    ]
