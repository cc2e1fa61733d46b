"""What an operator changes of a sender, by the functions that the API calls: pause it, resume it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote

import structlog
from pydantic import BaseModel, Field

from app.console.bulk_words import enrollment_row
from app.console.page import ROOT, Confirm, Done, Pages, Visit, not_there
from app.console.sender_words import why
from app.console.text import capital, counted, exactly
from app.operators import Role
from app.reports.held_store import count_held, held_first
from app.senders.ledger_store import LedgerStore
from app.senders.status import BY_OPERATOR, SenderStatuses
from app.senders.wiring import sender_status
from app.web.fields import STORABLE
from app.web.problems import Problem

if TYPE_CHECKING:
    from app.console.context import Console
    from app.model import Sender
    from app.senders.status import SenderStatus

LONGEST = 500  # characters of a reason
SAMPLE = 10
PAUSED = "sender_paused"  # why enrollments are held

log = structlog.get_logger(__name__)


class Of(BaseModel, extra="forbid"):
    """Of which account a sender is meant: the first of the rules where none is named."""

    account: str | None = Field(None, max_length=200, pattern=STORABLE)


async def named(statuses: SenderStatuses, visit: Visit) -> tuple[Sender, SenderStatus]:
    """Return the sender that a visit is about. Raises Problem where there is none, and Busy."""
    account, book = visit.query(Of).account, statuses.rulebook()
    if account is None and book is not None:
        account = next(iter(book.accounts.values())).name
    found = await statuses.one(account, visit.parameters["sender"])
    if found is None:
        raise not_there("sender of this name in this account")
    return found[1:]


def url_of(status: SenderStatus, what: str = "") -> str:
    """Return the path of a sender's page, or of what is done there."""
    return f"{ROOT}/senders/{quote(status.name, safe='')}{what}?account={quote(status.account, safe='')}"


def add(pages: Pages, console: Console) -> None:
    """Add both changes."""
    changes = _Changes(sender_status(console.process), console)
    pages.change("/senders/{sender}/pause", changes.ask_pause, changes.pause, Role.OPERATOR)
    pages.change("/senders/{sender}/resume", changes.ask_resume, changes.resume, Role.OPERATOR)


@dataclass(frozen=True, slots=True)
class _Changes:
    statuses: SenderStatuses
    console: Console

    async def ask_pause(self, visit: Visit) -> Confirm:
        status = await self._status(visit)
        confirm = Confirm(f"Pause {status.name}?", "Pause it", url_of(status))
        if status.paused_at is not None:
            return replace(confirm, impossible=f"It is paused already. {_why(status, visit)}")
        first = await LedgerStore(self.console.reads).first_waiting(status.account, status.inbox)
        return replace(
            confirm,
            consequences=(
                f"Nothing is sent by {status.name} in {status.account} until it is resumed.",
                "Pools choose other senders; what names this one alone waits.",
                f"Now {exactly(status.waiting, 'enrollment waits', 'enrollments wait')} for it.",
            ),
            count=status.waiting,
            flows=True,
            sample=tuple(enrollment_row(row, visit) for row in first[:SAMPLE]),
        )

    async def pause(self, visit: Visit) -> Done:
        status = await self._status(visit)
        reason = visit.form.get("reason", "").strip()[:LONGEST]
        paused = await self.statuses.pause(status.account, status.name, reason or BY_OPERATOR, again=False)
        if paused is None:
            raise not_there("sender of this name")
        if not paused:
            raise Problem(409, "wrong-state", "It is paused already.")
        log.info("sender.intervened", sender=status.name, account=status.account, told="paused")
        return Done(url_of(status), f"{status.name} is paused.")

    async def ask_resume(self, visit: Visit) -> Confirm:
        status = await self._status(visit)
        confirm = Confirm(f"Resume {status.name}?", "Resume it", url_of(status))
        if status.paused_at is None:
            return replace(confirm, impossible="It is not paused.")
        reads, account = self.console.reads, status.account
        count = await count_held(reads, account, PAUSED)
        freed = counted(count, "enrollment is", "enrollments are")
        return replace(
            confirm,
            consequences=(
                _why(status, visit),
                f"{status.name} sends again. {capital(freed)} held for paused senders of {account}.",
                "All of these are tried again, ten a second; what only another paused sender may send is held again.",
            ),
            count=count,
            flows=True,
            sample=tuple(enrollment_row(row, visit) for row in await held_first(reads, account, PAUSED)),
        )

    async def resume(self, visit: Visit) -> Done:
        status = await self._status(visit)
        resumed = await self.statuses.resume(status.account, status.name)
        if resumed is None:
            raise not_there("sender of this name")
        if not resumed:
            raise Problem(409, "wrong-state", "It is not paused any more.")
        log.info("sender.intervened", sender=status.name, account=status.account, told="resumed")
        return Done(url_of(status), f"{status.name} sends again.")

    async def _status(self, visit: Visit) -> SenderStatus:
        return (await named(self.statuses, visit))[1]


def _why(status: SenderStatus, visit: Visit) -> str:
    return why(status, visit.now, visit.zone)
