"""The HubSpot accounts at work in this process: begun when the rules name one, at work until the process ends."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from app.errors import NotTold

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from app.hubspot.desk import HubSpotDesk
    from app.learning import Learning
    from app.model import Account
    from app.store.pace import StoredPace
    from app.worker import Worker

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AtWork:
    """What works for one account."""

    pace: StoredPace
    desk: HubSpotDesk
    worker: Worker
    learning: Learning

    def heed(self, account: Account) -> None:
        """Take the latest configuration of the account."""
        self.pace.heed(account)
        self.learning.heed(account)


class Accounts:
    """Begins the work of accounts and keeps their latest configuration.

    One that leaves the rules stays at work, with the credential that it had: another replica may have accepted work for
    it before it learnt of that, and somebody must finish it. `begin` puts what ends it on the stack that it is given.
    """

    def __init__(self, begin: Callable[[AsyncExitStack, Account], Awaitable[AtWork]]) -> None:
        self._begin = begin
        self._known: dict[str, Account] = {}
        self._at_work: dict[str, AtWork] = {}
        self._stacks: list[AsyncExitStack] = []
        self._turn = asyncio.Lock()
        self._following: set[asyncio.Task[None]] = set()
        self._closed = False

    async def follow(self, accounts: Iterable[Account]) -> None:
        """Begin the work of those that are new, and heed what changed for the others."""
        async with self._turn:
            for account in accounts:
                self._known[account.name] = account
                if account.name in self._at_work:
                    self._at_work[account.name].heed(account)
                elif not self._closed:
                    await self._open(account)

    def follow_soon(self, accounts: Iterable[Account]) -> None:
        """Do as `follow` does, from where nobody can wait."""
        task = asyncio.create_task(self.follow(list(accounts)), name="accounts-follow")
        self._following.add(task)
        task.add_done_callback(self._following.discard)

    async def _open(self, account: Account) -> None:
        stack = AsyncExitStack()
        self._stacks.append(stack)
        self._at_work[account.name] = await self._begin(stack, account)
        log.info("account.at_work", account=account.name)

    def known(self, name: str) -> Account:
        """Return the latest configuration of an account."""
        return self._known[name]

    def wake(self) -> None:
        """Look for work now: somebody committed an enrollment."""
        for at_work in self._at_work.values():
            at_work.worker.wake()

    def contacts(self, name: str) -> HubSpotDesk:
        """Return an account's contacts. Raises NotTold while it is not at work yet."""
        at_work = self._at_work.get(name)
        if at_work is None:
            raise NotTold("account_not_at_work", f"the account {name!r} is not at work here yet")
        return at_work.desk

    async def close(self) -> None:
        """End all work, of all accounts at once: each finishes what it has in hand."""
        self._closed = True
        await asyncio.gather(*self._following, return_exceptions=True)
        async with self._turn:
            await asyncio.gather(*(stack.aclose() for stack in self._stacks))
