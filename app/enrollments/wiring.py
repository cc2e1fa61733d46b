"""Build and start the worker of one account."""

from __future__ import annotations

import random
from datetime import UTC, timedelta
from functools import partial
from typing import TYPE_CHECKING

from app.clock import utc_now
from app.database.listen import ENROLLMENTS_READY
from app.enrollments.actions import Tools
from app.enrollments.claim_store import Looks
from app.enrollments.confirm import Confirmer
from app.enrollments.contact import ContactWriter
from app.enrollments.eligibility import Eligibility
from app.enrollments.enroll import Enroller
from app.enrollments.evidence import READS
from app.enrollments.first_look import FirstLook
from app.enrollments.fitting import PropertyFitter
from app.enrollments.observe import StepObserver
from app.enrollments.outcome import Patience
from app.enrollments.prepare import Preparer
from app.enrollments.record import Recorder
from app.enrollments.restore_store import RestoreStore
from app.enrollments.settle import Settler
from app.enrollments.store import EnrollmentStore
from app.enrollments.unenroll import Unenroller
from app.enrollments.worker import Worker, WorkerLimits
from app.hubspot.owners import Owners
from app.hubspot.properties import PropertyDefinitions
from app.senders.assign import Senders
from app.senders.blame import Blame
from app.senders.store import Assignments
from app.sending_windows import zone

if TYPE_CHECKING:
    from datetime import tzinfo

    from app.process import ActiveAccount, Process
    from app.settings import Settings

CONFIRM_AFTER_SECONDS = 60.0


async def start(process: Process, active: ActiveAccount) -> None:
    """Start the worker of an account."""
    settings, name = process.settings, active.account.name
    span = timedelta(hours=settings.retry_span_hours)
    eligibility = Eligibility(process.pool, process.current_rulebook)
    owners = Owners(active.client, on_refresh=partial(process.metrics.owners_read, name))
    senders = Senders(Assignments(process.pool), owners, rulebook=process.current_rulebook, now=utc_now)
    restores = process.restores()
    await restores.open(process.pool)
    records = RestoreStore(process.pool, restores)
    first_look = FirstLook(eligibility, senders, active.rate_limit.give_ahead, records.gaps)
    store = EnrollmentStore(
        process.pool,
        account=name,
        worker=f"{process.name}:{name}",
        lease=settings.lease_seconds,
        span=span,
        endpoints=process.rulebook.endpoints_for,
        urgent=process.urgent_pool,
        observe_sending=process.metrics.sending_committed,
        looks=Looks(first_look.look, eligibility, first_look.close, records.notice),
    )
    observer = StepObserver(process.metrics, await process.hasher())
    patience = Patience(settings.settle_seconds, max(settings.settle_seconds, CONFIRM_AFTER_SECONDS), span)
    recorder = Recorder(store, patience, now=utc_now, random=random.random, observe=observer.step)
    worker = Worker(
        store,
        _enroller(process, active, recorder, observer, first_look, records),
        Settler(active.hubspot, recorder),
        Confirmer(store, active.hubspot, observer.confirmation),
        limits=_limits(settings),
        observe_expired=observer.expired,
    )
    worker.start()
    active.stack.push_async_callback(worker.stop, drain_seconds=settings.drain_seconds)
    process.subscribe(ENROLLMENTS_READY, worker.wake, account=name)


def _limits(settings: Settings) -> WorkerLimits:
    return WorkerLimits(
        capacity=settings.in_flight,
        claim_at_once=max(1, min(100, settings.in_flight // 2)),
        lease=settings.lease_seconds,
        first_read=settings.settle_seconds / READS,
    )


def _enroller(
    process: Process,
    active: ActiveAccount,
    recorder: Recorder,
    observer: StepObserver,
    first_look: FirstLook,
    records: RestoreStore,
) -> Enroller:
    """Build what takes one claimed enrollment to its outcome."""
    store, hubspot = recorder.store, active.hubspot
    unenroller = Unenroller(store, hubspot, process.current_rulebook, utc_now)
    fitter = PropertyFitter(PropertyDefinitions(active.client), partial(_clock, active))
    preparer = Preparer(
        store,
        ContactWriter(store, hubspot, fitter, observer.write_back_dropped),
        first_look,
        unenroller,
        recorder,
        records.sent,
    )
    tools = Tools(store, hubspot, active.client, preparer, unenroller)
    return Enroller(store, hubspot, preparer, tools, recorder, Blame(active.client, process.current_rulebook))


def _clock(active: ActiveAccount) -> tzinfo:
    """Return the account's clock, UTC until it is known."""
    name = active.rate_limit.timezone
    return zone(name) if name else UTC
