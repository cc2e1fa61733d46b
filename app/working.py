"""The worker's side, put together: what works for each account, asks providers, and tells the operator's systems."""

from __future__ import annotations

import os
import random
import secrets
import socket
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from app.accounts import Accounts, AtWork
from app.acting import Acting
from app.admission import Admission
from app.bridging import Bridging
from app.clock import utc_now
from app.confirm import Confirmer
from app.deciding import Deciding
from app.enrich import Asking, Enricher
from app.enriching import Enriching
from app.enroll import Enroller
from app.follow import Follower
from app.following import FollowingLoop
from app.hubspot.desk import HubSpotDesk
from app.hubspot.ends import HubSpotEnds
from app.hubspot.faults import fault_of
from app.hubspot.owners import Owners
from app.ids import Ids
from app.learning import Learning
from app.lookups import Lookups
from app.outbound import start_delivering
from app.policy.outcome import Patience
from app.policy.settle import READS
from app.prepare import Preparing
from app.senders import Senders
from app.service import Service, client_of, pace_of
from app.sources import PROVIDERS
from app.store.database import open_engine
from app.store.enrichments import Enrichments
from app.store.enrollments import Enrollments
from app.store.following import Following
from app.store.hubspot_accounts import HubSpotAccounts
from app.store.senders import SenderBooks
from app.store.suppressions import Suppressions
from app.telling import Telling
from app.worker import Worker, WorkerPace

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AsyncExitStack

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.delivering import Delivering
    from app.hubspot.client import HubSpotClient
    from app.model import Account
    from app.rules.book import Rulebook
    from app.store.pace import StoredPace

CONFIRM_AFTER_SECONDS = 60.0
# A lookup takes longer than a heartbeat, its wait for a grant included, and nobody renews its lease: asking twice does
# no harm, but it is no use either.
LOOKUP_LEASES = 4
URGENT_CONNECTIONS = 4


@dataclass(frozen=True, slots=True)
class Workers:
    """What works in this process."""

    accounts: Accounts
    enriching: Enriching
    delivering: Delivering

    def wake(self) -> None:
        """Look for work now: somebody committed an enrollment, or something to ask about."""
        self.accounts.wake()
        self.enriching.wake()


async def start_working(
    stack: AsyncExitStack, service: Service, book: Rulebook, hasher: Callable[[str], str]
) -> Workers:
    """Begin the work of all accounts, and of what is asked of providers; more accounts may come with a reload."""
    telling = Telling(service.metrics, hasher)
    urgent = _open_urgent(stack, service)
    name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"

    async def begin(own: AsyncExitStack, account: Account) -> AtWork:
        pace = pace_of(own, service, account, engine=urgent)
        client = await client_of(own, service, pace, partial(accounts.known, account.name))
        desk = await own.enter_async_context(HubSpotDesk(client))
        owners = Owners(client, tell=partial(service.metrics.owners_read, account.name))
        senders = Senders(SenderBooks(service.engine), owners, book=in_force, now=utc_now)
        worker = _start_worker(
            own, service, urgent, account.name, desk, in_force, senders, telling, f"{name}:{account.name}"
        )
        _start_follower(own, service, account.name, client, f"{name}:{account.name}")
        learning = _start_learning(own, service, account, client, pace)
        return AtWork(pace, desk, worker, learning)

    def in_force() -> Rulebook:
        return service.rulebook.book or book

    accounts = Accounts(begin)
    stack.push_async_callback(accounts.close)
    await accounts.follow(book.accounts.values())
    service.rulebook.swapped = lambda swapped: accounts.follow_soon(swapped.accounts.values())
    enriching = await _start_enriching(stack, service, book, accounts, hasher, name)
    settings, metrics = service.settings, service.metrics
    delivering = await start_delivering(stack, settings, service.engine, service.rulebook, metrics, name)
    return Workers(accounts, enriching, delivering)


def _open_urgent(stack: AsyncExitStack, service: Service) -> AsyncEngine:
    """Open the connections of what a request waits for once it has its permit, which is void after half a second.

    In the pool of everything else it would wait behind the hundreds of enrollments that are prepared.
    """
    engine = open_engine(
        service.engine.url, pool_size=URGENT_CONNECTIONS, idle_seconds=service.settings.lease_seconds / 2
    )
    stack.push_async_callback(engine.dispose)
    return engine


def _start_worker(
    stack: AsyncExitStack,
    service: Service,
    urgent: AsyncEngine,
    account: str,
    desk: HubSpotDesk,
    book: Callable[[], Rulebook],
    senders: Senders,
    telling: Telling,
    name: str,
) -> Worker:
    settings = service.settings
    span = timedelta(hours=settings.retry_span_hours)
    enrollments = Enrollments(
        service.engine,
        account=account,
        worker=name,
        lease=settings.lease_seconds,
        span=span,
        endpoints=service.rulebook.told,
        urgent=urgent,
        observe_sending=service.metrics.sending_committed,
    )
    stack.push_async_callback(enrollments.close)
    admission = Admission(Suppressions(urgent), book)
    bridging = Bridging(enrollments, desk, book, fault_of, utc_now)
    preparing = Preparing(
        enrollments,
        desk,
        admission,
        senders,
        bridging,
        now=utc_now,
        tell=telling.step,
        tell_dropped=telling.write_back_dropped,
    )
    enroller = Enroller(
        enrollments,
        desk,
        preparing,
        Acting(enrollments, desk, preparing, bridging),
        fault_of,
        patience=Patience(settings.settle_seconds, max(settings.settle_seconds, CONFIRM_AFTER_SECONDS), span),
        now=utc_now,
        random=random.random,
        tell=telling.step,
    )
    worker = Worker(
        enrollments,
        enroller,
        Confirmer(enrollments, desk, telling.confirmation),
        pace=WorkerPace(
            capacity=settings.in_flight,
            claim_at_once=max(1, min(100, settings.in_flight // 2)),
            lease=settings.lease_seconds,
            first_read=settings.settle_seconds / READS,
        ),
        expired=telling.expired,
    )
    worker.start()
    stack.push_async_callback(worker.stop, drain_seconds=settings.drain_seconds)
    return worker


def _start_follower(stack: AsyncExitStack, service: Service, account: str, client: HubSpotClient, name: str) -> None:
    """Start what follows enrolled ones to their end in HubSpot."""
    settings = service.settings
    follower = Follower(
        account,
        Following(
            service.engine,
            account=account,
            worker=name,
            calls_per_hour=settings.follow_calls_per_hour,
            endpoints=service.rulebook.told,
        ),
        HubSpotEnds(client),
        seconds=settings.follow_seconds,
        span=timedelta(days=settings.follow_days),
        now=utc_now,
        tell=service.metrics,
    )
    loop = FollowingLoop(follower)
    loop.start()
    stack.push_async_callback(loop.stop)


def _start_learning(
    stack: AsyncExitStack, service: Service, account: Account, client: HubSpotClient, pace: StoredPace
) -> Learning:
    """Start what finds out which account it is, and when its day ends."""
    learning = Learning(account, client.account_details, HubSpotAccounts(service.engine), pace)
    learning.start()
    stack.push_async_callback(learning.stop)
    return learning


async def _start_enriching(
    stack: AsyncExitStack,
    service: Service,
    book: Rulebook,
    accounts: Accounts,
    hasher: Callable[[str], str],
    name: str,
) -> Enriching:
    """Start what asks the providers of thin events; HubSpot is asked as the account that they come from."""
    hosts = frozenset[str]().union(*(provider.hosts for provider in PROVIDERS.values()))
    lookups = await stack.enter_async_context(Lookups(hosts))
    enrichments = Enrichments(service.engine, worker=name, lease=LOOKUP_LEASES * service.settings.lease_seconds)
    enricher = Enricher(
        enrichments,
        Deciding(new_id=Ids(), hash_email=hasher, metrics=service.metrics),
        Asking(
            providers=PROVIDERS,
            ask=lookups.ask,
            contacts=accounts.contacts,
            portals=HubSpotAccounts(service.engine).portals,
            fault_of=fault_of,
        ),
        book=lambda: service.rulebook.book or book,
        span=timedelta(hours=service.settings.retry_span_hours),
        now=utc_now,
        random=random.random,
        metrics=service.metrics,
    )
    enriching = Enriching(enrichments, enricher)
    enriching.start()
    stack.push_async_callback(enriching.stop)
    return enriching
