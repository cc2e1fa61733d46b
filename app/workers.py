"""Background work: the `start` functions for each account, and those for the process."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from contextvars import Context
from functools import partial
from typing import TYPE_CHECKING

import structlog

from app.accounts.identity import IdentityLearner
from app.accounts.identity_store import IdentityStore
from app.bulk import wiring as bulk_wiring
from app.catalogue.names import NamesKeeper
from app.database.listen import FORGETTING_READY, IDLE_POLL_SECONDS, INVENTORY_READY
from app.doctor import wiring as doctor_wiring
from app.enrichment import wiring as enrichment_wiring
from app.enrollments import wiring as enrollments_wiring
from app.followup import wiring as followup_wiring
from app.hubspot.api.account import account_details
from app.hubspot.batched import BatchedHubSpot
from app.jobs import Loop
from app.outbound import wiring as outbound_wiring
from app.people.forget_store import ForgetStore
from app.people.inventory import InventoryRunner
from app.people.inventory_store import InventoryStore
from app.process import ActiveAccount
from app.reports import wiring as reports_wiring
from app.tallies import wiring as tallies_wiring

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.model import Account
    from app.process import Process

RELEASE_SECONDS = 60.0

log = structlog.get_logger(__name__)


async def start_identity(process: Process, active: ActiveAccount) -> None:
    """Start the job that reads the HubSpot account's portal id, and when its day ends."""
    learner = IdentityLearner(
        active.account, partial(active.client.send, account_details()), IdentityStore(process.engine), active.rate_limit
    )
    learner.loop.start()
    active.stack.push_async_callback(learner.loop.stop)
    active.configured.append(learner.configure)


async def start_names(process: Process, active: ActiveAccount) -> None:
    """Start the job that keeps the names of the HubSpot account's sequences and owners."""

    def users() -> dict[str, str]:
        return {sender.user_id: sender.name for sender in process.current_rulebook().senders.values()}

    keeper = NamesKeeper(active.account.name, active.client, process.engine, users)
    keeper.loop.start()
    active.stack.push_async_callback(keeper.loop.stop)


async def start_releasing(process: Process) -> None:
    """Start the job that releases enrollments which waited for their account to be connected."""
    if process.oauth is not None:
        once = process.oauth.release
        process.run(Loop(once, every=RELEASE_SECONDS, store_trouble="oauth.not_released", defect="oauth.defect"))


async def start_forgetting(process: Process) -> None:
    """Start the job that goes on with forgetting people, from wherever another process has left it."""
    forgetter = await process.forgetter()
    loop = Loop(
        forgetter.work, every=IDLE_POLL_SECONDS, store_trouble="forgetting.not_done", defect="forgetting.defect"
    )
    process.run(loop, channel=FORGETTING_READY)


async def start_inventories(process: Process) -> None:
    """Start the job that looks through everything for people, as admins ask."""
    runner = InventoryRunner(InventoryStore(process.engine), ForgetStore(process.engine))
    loop = Loop(
        runner.once,
        every=IDLE_POLL_SECONDS,
        store_trouble="inventory.not_done",
        trouble="inventory.not_done",
        defect="inventory.defect",
    )
    process.run(loop, channel=INVENTORY_READY)


PER_ACCOUNT = (enrollments_wiring.start, followup_wiring.start, start_identity, start_names)
PER_PROCESS = (
    enrichment_wiring.start,
    outbound_wiring.start,
    bulk_wiring.start,
    reports_wiring.start,
    tallies_wiring.start,
    doctor_wiring.start,
    start_releasing,
    start_forgetting,
    start_inventories,
)


async def start(process: Process) -> None:
    """Start the work of all accounts of the rulebook, and of the process. A reload may add accounts."""
    workers = AccountWorkers(process)
    process.stack.push_async_callback(workers.close)
    await workers.follow(process.current_rulebook().accounts.values())
    process.rulebook.on_swap = lambda rulebook: workers.follow_soon(rulebook.accounts.values())
    for start_job in PER_PROCESS:
        await start_job(process)


class AccountWorkers:
    """Starts the work of accounts and passes on their latest configuration.

    An account that leaves the rules keeps working with its last credential: another replica may have accepted
    enrollments for it before that replica received the change, and they must be finished.
    """

    def __init__(self, process: Process) -> None:
        self._process = process
        self._lock = asyncio.Lock()
        self._stacks: list[AsyncExitStack] = []
        self._following: set[asyncio.Task[None]] = set()
        self._closed = False

    async def follow(self, accounts: Iterable[Account]) -> None:
        """Start the work of new accounts, and configure the others again."""
        async with self._lock:
            for account in accounts:
                if active := self._process.accounts.get(account.name):
                    active.configure(account)
                elif not self._closed:
                    await self._open(account)

    def follow_soon(self, accounts: Iterable[Account]) -> None:
        """Run `follow` in the background, for a caller that cannot wait."""
        # Its loops outlive the request that reloads: what they do is no act of the operator who asked for it.
        task = asyncio.create_task(self.follow(list(accounts)), name="accounts-follow", context=Context())
        self._following.add(task)
        task.add_done_callback(self._following.discard)

    async def _open(self, account: Account) -> None:
        process, stack = self._process, AsyncExitStack()
        self._stacks.append(stack)
        rate_limit = process.rate_limit(stack, account)
        client = await process.client(stack, account.name, rate_limit, lambda: process.accounts[account.name].account)
        hubspot = BatchedHubSpot(client)
        stack.push_async_callback(hubspot.aclose)
        active = ActiveAccount(account, stack, rate_limit, client, hubspot, [rate_limit.configure])
        process.accounts[account.name] = active
        for start_job in PER_ACCOUNT:
            await start_job(process, active)
        log.info("account.at_work", account=account.name)

    async def close(self) -> None:
        """End the work of all accounts at once; each finishes its enrollments in progress."""
        self._closed = True
        await asyncio.gather(*self._following, return_exceptions=True)
        async with self._lock:
            await asyncio.gather(*(stack.aclose() for stack in self._stacks))
