"""One sender as both pages show it: its places, what waits, and why nothing is sent by it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.console import sender_changes as changes
from app.console.sender_words import fill_of, mark_of, used, why, word_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from app.catalogue.listing_store import Names
    from app.console.page import Visit
    from app.rules.rulebook import Rulebook
    from app.senders.status import SenderStatus


@dataclass(frozen=True, slots=True)
class SenderLine:
    """One sender in one account. `used` of `limit` places are taken; `next_at` is when a full one has the next."""

    name: str
    person: str
    url: str
    account: str
    mark: str
    word: str
    fill: str
    used: int
    limit: int
    waiting: int
    next_at: datetime | None
    why: str
    pools: Sequence[str]


def line_of(
    status: SenderStatus, next_at: datetime | None, names: Names, book: Rulebook | None, visit: Visit
) -> SenderLine:
    """Return a sender as it is shown. `next_at` is when a full one has its next place."""
    pools = book.pools.items() if book else ()
    return SenderLine(
        name=status.name,
        person=names.sender(status.account, status.user_id) or "",
        url=changes.url_of(status),
        account=status.account,
        mark=mark_of(status),
        word=word_of(status),
        fill=fill_of(status),
        used=used(status),
        limit=status.limit,
        waiting=status.waiting,
        next_at=None if status.left else next_at,
        why=why(status, visit.now, visit.zone),
        pools=[name for name, pool in pools if status.name in dict(pool.members)],
    )
