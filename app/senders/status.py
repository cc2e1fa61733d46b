"""The status of each sender: what it has left in its 24 hours, how many wait for it, and whether it is paused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel

from app.database.engine import busy_when_gone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from app.model import Account, Sender
    from app.rules.rulebook import Rulebook
    from app.senders.inbox_store import Inbox
    from app.senders.pause_store import SenderPauseStore

BY_OPERATOR = "by an operator"


class SenderStatus(BaseModel, frozen=True):
    """One sender in one account. `left` of `limit` enrollments may be sent in the running 24 hours.

    `paused_by` is who paused it and `reason` why; None where Segue did, after refusals.
    Until `full_until` HubSpot calls the sender full, whatever was counted. `alias` is the address that contacts see.
    """

    account: str
    name: str
    user_id: str
    inbox: str
    alias: str | None
    limit: int
    left: int
    waiting: int
    paused_at: datetime | None
    paused_by: str | None
    reason: str | None
    full_until: datetime | None


@dataclass(frozen=True, slots=True)
class SenderStatuses:
    """Reads the status of senders, pauses and resumes them. Raises Busy while the database cannot be reached.

    Senders are those of the rulebook in force, and contacts' owners that have sent: `owner` and their owner id.
    """

    store: SenderPauseStore
    rulebook: Callable[[], Rulebook | None]

    async def all(self) -> list[SenderStatus]:
        """Return the senders, in each account of the rulebook in force. One statement."""
        rulebook = self.rulebook()
        if rulebook is None:
            return []
        accounts, named = list(rulebook.accounts.values()), list(rulebook.senders.values())
        with busy_when_gone():
            others, found = await self.store.all(
                [account.name for account in accounts], sorted({sender.email for sender in named})
            )
        return [_status(*one, found[one[0].name, one[1].email]) for one in senders_in(accounts, named, others)]

    async def pause(
        self, account: str | None, name: str, reason: str = BY_OPERATOR, *, again: bool = True
    ) -> bool | None:
        """Send nothing by this sender until it is resumed; return whether that was written, None for no such sender.

        One that is paused already gets the new reason `again`, and is left alone without that.
        """
        found = await self._found(account, name)
        if found is None:
            return None
        with busy_when_gone():
            return await self.store.pause(found[0].name, found[1], reason, again=again)

    async def resume(self, account: str | None, name: str) -> bool | None:
        """Send by this sender again; return whether it was paused, None where there is no such sender."""
        found = await self._found(account, name)
        if found is None:
            return None
        with busy_when_gone():
            return await self.store.resume(found[0].name, found[1].email)

    async def one(self, account: str | None, name: str) -> tuple[Account, Sender, SenderStatus] | None:
        """Return a sender and its status in an account, or in the only one; None where there is none."""
        if (found := await self._found(account, name)) is None:
            return None
        (status,) = await self._statuses([found])
        return *found, status

    async def _statuses(self, senders: Sequence[tuple[Account, Sender]]) -> list[SenderStatus]:
        with busy_when_gone():
            found = await self.store.inboxes(sorted({(account.name, sender.email) for account, sender in senders}))
        return [_status(account, sender, found[account.name, sender.email]) for account, sender in senders]

    async def _senders(self, accounts: Sequence[Account], rulebook: Rulebook) -> list[tuple[Account, Sender]]:
        names, named = [account.name for account in accounts], list(rulebook.senders.values())
        with busy_when_gone():
            others = await self.store.others(names, excluding=sorted({sender.email for sender in named}))
        return senders_in(accounts, named, others)

    async def _found(self, account: str | None, name: str) -> tuple[Account, Sender] | None:
        rulebook = self.rulebook()
        found = rulebook.resolve_account(account) if rulebook else None
        if rulebook is None or found is None:
            return None
        senders = await self._senders([found], rulebook)
        return next((one for one in senders if one[1].name == name), None)


def senders_in(
    accounts: Iterable[Account], named: Sequence[Sender], others: Sequence[tuple[str, Sender]]
) -> list[tuple[Account, Sender]]:
    """Return the senders of each account: those that the rules name, then its `others`, each with its account."""
    return [
        (account, sender)
        for account in accounts
        for sender in (*named, *(other for name, other in others if name == account.name))
    ]


def _status(account: Account, sender: Sender, inbox: Inbox) -> SenderStatus:
    limit = inbox.limit(sender)
    return SenderStatus(
        account=account.name,
        name=sender.name,
        user_id=sender.user_id,
        inbox=sender.email,
        alias=sender.alias,
        limit=limit,
        left=inbox.left(sender),
        waiting=inbox.waiting,
        paused_at=inbox.paused_at,
        paused_by=inbox.paused_by if inbox.paused_at else None,
        reason=inbox.reason if inbox.paused_at else None,
        full_until=inbox.full_until,
    )
