"""Build what looks thin events up at their providers."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

from app.accounts.identity_store import IdentityStore
from app.clock import utc_now
from app.database.listen import THIN_EVENTS_READY
from app.enrichment.client import Lookups
from app.enrichment.enrich import Enricher
from app.enrichment.look_up import EnrichmentSources
from app.enrichment.loop import start_loop
from app.enrichment.shared import SharedLookups
from app.enrichment.store import EnrichmentStore
from app.errors import LookupFailed
from app.ids import Ids
from app.intake.decide import Decider
from app.sources import PROVIDERS

if TYPE_CHECKING:
    from app.hubspot.batched import BatchedHubSpot
    from app.process import Process

# A lookup, with its wait for a permit, may take longer than a heartbeat, and its lease is not renewed. A second lookup
# would do no harm, but would be useless.
LOOKUP_LEASES = 4


async def start(process: Process) -> None:
    """Start the lookups of thin events; HubSpot is called as the account that an event comes from."""
    hosts = frozenset[str]().union(*(provider.hosts for provider in PROVIDERS.values()))
    lookups = Lookups(hosts)
    process.stack.push_async_callback(lookups.aclose)
    shared = SharedLookups(lookups.ask)
    process.stack.push_async_callback(shared.aclose)
    settings = process.settings
    store = EnrichmentStore(process.engine, worker=process.name, lease=LOOKUP_LEASES * settings.lease_seconds)

    def contacts(account: str) -> BatchedHubSpot:
        active = process.accounts.get(account)
        if active is None:
            raise LookupFailed("account_not_at_work", f"the account {account!r} is not at work here yet")
        return active.hubspot

    enricher = Enricher(
        store,
        Decider(new_id=Ids(), hash_email=await process.hasher(), metrics=process.metrics),
        EnrichmentSources(
            providers=PROVIDERS,
            ask=shared.ask,
            contacts=contacts,
            portals=IdentityStore(process.engine).portals,
        ),
        rulebook=process.current_rulebook,
        span=timedelta(hours=settings.retry_span_hours),
        now=utc_now,
        random=random.random,
        metrics=process.metrics,
    )
    loop = start_loop(process.stack, store, enricher)
    process.subscribe(THIN_EVENTS_READY, loop.wake)
