"""How each sender stands: what it has left in its 24 hours, who waits for it, and whether it is paused."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from app.database.engine import busy_when_gone

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from app.model import Account, Sender
    from app.rules.rulebook import Rulebook
    from app.senders.inbox_store import Inbox


class Books(Protocol):
    """Where senders' budgets and pauses are kept."""

    async def inboxes(self, account: str, inboxes: Sequence[str]) -> Mapping[str, Inbox]:
        """Return how each inbox stands."""

    async def others(self, account: str, but: Sequence[str]) -> Sequence[Sender]:
        """Return who sends, or is paused or full, beside the inboxes `but`."""

    async def pause(self, account: str, sender: Sender, reason: str) -> None:
        """Send nothing by this sender's inbox until it is resumed."""

    async def resume(self, account: str, inbox: str) -> bool:
        """Send by this inbox again; tell whether it was paused."""


@dataclass(frozen=True, slots=True)
class SenderStatus:
    """One sender in one account. `left` of `limit` enrollments may be sent in the running 24 hours.

    `full_until` is until when none is taken by HubSpot's word, whatever was counted.
    """

    account: str
    name: str
    user_id: str
    inbox: str
    limit: int
    left: int
    waiting: int
    paused_at: datetime | None
    reason: str | None
    full_until: datetime | None


class SenderStatuses:
    """Reads how senders stand, and pauses and resumes them. Raises Busy while the store cannot be asked.

    These are the senders of the rulebook in force, and contacts' owners who have sent: `owner` and their owner id.
    """

    def __init__(self, books: Books, book: Callable[[], Rulebook | None]) -> None:
        self._books = books
        self._book = book

    async def all(self) -> list[SenderStatus]:
        """Return the senders, in each account of the rulebook in force."""
        book = self._book()
        if book is None:
            return []
        return [standing for account in book.accounts.values() for standing in await self._of(account, book)]

    async def rows(self) -> list[Mapping[str, Any]]:
        """Return the same as rows."""
        return [asdict(standing) for standing in await self.all()]

    async def pause(self, account: str | None, name: str) -> bool:
        """Send nothing by this sender until it is resumed; tell whether there is such a sender."""
        found = await self._found(account, name)
        if found is None:
            return False
        with busy_when_gone():
            await self._books.pause(found[0].name, found[1], "by an operator")
        return True

    async def resume(self, account: str | None, name: str) -> bool:
        """Send by this sender again; tell whether there is such a sender."""
        found = await self._found(account, name)
        if found is None:
            return False
        with busy_when_gone():
            await self._books.resume(found[0].name, found[1].email)
        return True

    async def _of(self, account: Account, book: Rulebook) -> list[SenderStatus]:
        senders = await self._senders(account, book)
        with busy_when_gone():
            found = await self._books.inboxes(account.name, sorted({sender.email for sender in senders}))
        return [_standing(account, sender, found[sender.email]) for sender in senders]

    async def _senders(self, account: Account, book: Rulebook) -> list[Sender]:
        named = list(book.senders.values())
        with busy_when_gone():
            return [*named, *await self._books.others(account.name, sorted({sender.email for sender in named}))]

    async def _found(self, account: str | None, name: str) -> tuple[Account, Sender] | None:
        book = self._book()
        meant = book.meant(account) if book else None
        if book is None or meant is None:
            return None
        senders = await self._senders(meant, book)
        return next(((meant, sender) for sender in senders if sender.name == name), None)


def _standing(account: Account, sender: Sender, inbox: Inbox) -> SenderStatus:
    limit = inbox.limit(sender)
    return SenderStatus(
        account=account.name,
        name=sender.name,
        user_id=sender.user_id,
        inbox=sender.email,
        limit=limit,
        left=inbox.left(sender),
        waiting=inbox.waiting,
        paused_at=inbox.paused_at,
        reason=inbox.reason if inbox.paused_at else None,
        full_until=inbox.full_until,
    )
