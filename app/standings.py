"""How each sender stands: what it has left in its 24 hours, who waits for it, and whether it is paused."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from app.store.database import busy_when_gone

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from app.model import Account, Sender
    from app.rules.book import Rulebook
    from app.store.senders import Inbox


class Books(Protocol):
    """Where senders' budgets and pauses are kept."""

    async def inboxes(self, account: str, inboxes: Sequence[str]) -> Mapping[str, Inbox]:
        """Return how each inbox stands."""

    async def pause(self, account: str, inbox: str, reason: str) -> None:
        """Send nothing by this inbox until it is resumed."""

    async def resume(self, account: str, inbox: str) -> bool:
        """Send by this inbox again; tell whether it was paused."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One sender in one account. `left` of `limit` enrollments may be sent in the running 24 hours."""

    account: str
    name: str
    user_id: str
    inbox: str
    limit: int
    left: int
    waiting: int
    paused_at: datetime | None
    reason: str | None


class Standings:
    """Reads how senders stand, and pauses and resumes them. Raises Busy while the store cannot be asked."""

    def __init__(self, books: Books, book: Callable[[], Rulebook | None]) -> None:
        self._books = books
        self._book = book

    async def all(self) -> list[Standing]:
        """Return the senders of the rulebook in force, in each of its accounts."""
        book = self._book()
        if book is None:
            return []
        return [standing for account in book.accounts.values() for standing in await self._of(account, book)]

    async def rows(self) -> list[Mapping[str, Any]]:
        """Return the same as rows."""
        return [asdict(standing) for standing in await self.all()]

    async def pause(self, account: str | None, name: str) -> bool:
        """Send nothing by this sender until it is resumed; tell whether there is such a sender."""
        found = self._found(account, name)
        if found is None:
            return False
        with busy_when_gone():
            await self._books.pause(found[0].name, found[1].email, "by an operator")
        return True

    async def resume(self, account: str | None, name: str) -> bool:
        """Send by this sender again; tell whether there is such a sender."""
        found = self._found(account, name)
        if found is None:
            return False
        with busy_when_gone():
            await self._books.resume(found[0].name, found[1].email)
        return True

    async def _of(self, account: Account, book: Rulebook) -> list[Standing]:
        senders = book.senders.values()
        with busy_when_gone():
            found = await self._books.inboxes(account.name, sorted({sender.email for sender in senders}))
        return [_standing(account, sender, found[sender.email]) for sender in senders]

    def _found(self, account: str | None, name: str) -> tuple[Account, Sender] | None:
        book = self._book()
        if book is None or name not in book.senders:
            return None
        meant = book.meant(account)
        return (meant, book.senders[name]) if meant else None


def _standing(account: Account, sender: Sender, inbox: Inbox) -> Standing:
    limit = inbox.limit(sender)
    return Standing(
        account=account.name,
        name=sender.name,
        user_id=sender.user_id,
        inbox=sender.email,
        limit=limit,
        left=max(0, limit - inbox.reserved),
        waiting=inbox.waiting,
        paused_at=inbox.paused_at,
        reason=inbox.reason if inbox.paused_at else None,
    )
