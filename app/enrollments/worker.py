"""The loops around `enroll` and `settle`: claim, renew leases, reclaim expired ones, finish started work."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from app.clock import elapsed_seconds
from app.database.engine import STORE_TROUBLE, first_line
from app.errors import FenceLost
from app.jobs import Loop
from app.model import State

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.enrollments.confirm import Confirmer
    from app.enrollments.enroll import Enroller
    from app.enrollments.settle import Settler
    from app.enrollments.store import EnrollmentStore
    from app.model import Enrollment

LONGEST_REST_SECONDS = 2.0
NOT_WOKEN_SECONDS = 60.0  # a loop that others wake; they have stopped if it runs by itself

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """How many enrollments at once, and how often. `lease`, `poll` and `first_read` are in seconds.

    Up to `capacity` are in progress, claimed `claim_at_once` at a time, which must not be more. `poll` is the shortest
    time between two looks at what is due.
    """

    capacity: int = 200
    claim_at_once: int = 100
    lease: float = 15.0
    poll: float = 1.0
    first_read: float = 30.0

    def room(self, in_progress: int) -> int:
        """Return how many to claim: a whole claim or none.

        Enrollments that are claimed together share batch calls. A worker that claimed one for each that it finished,
        while the rate limit makes all of them wait, would send calls of a few contacts.
        """
        return self.claim_at_once if in_progress + self.claim_at_once <= self.capacity else 0

    def rest(self, next_in: float | None) -> float:
        """Return the seconds until the next look, where there is something to do in `next_in` seconds."""
        shortest = min(self.poll, self.lease / 4)
        longest = max(shortest, min(LONGEST_REST_SECONDS, self.lease / 3))
        return longest if next_in is None else min(max(next_in, shortest), longest)


class Worker:
    """One worker of one account. It holds enrollments by leases: work of a dead worker is reclaimed within two leases.

    `observe_expired` receives the sequence of each enrollment that was not sent in time.
    """

    def __init__(
        self,
        store: EnrollmentStore,
        enroller: Enroller,
        settler: Settler,
        confirmer: Confirmer,
        *,
        limits: WorkerLimits,
        observe_expired: Callable[[str], None],
    ) -> None:
        self._store = store
        self._enroller = enroller
        self._settler = settler
        self._limits = limits
        self._observe_expired = observe_expired
        self._in_progress: dict[asyncio.Task[None], Enrollment] = {}
        self._uncertain = False  # whether uncertain ones are due
        self._short = False  # whether the last claim found less than there was room for
        self._stuck_sessions_looked_at = elapsed_seconds()
        self._claim_loop = self._loop(self._claim_once, every=NOT_WOKEN_SECONDS)
        self._renew_loop = self._loop(self._renew_leases, every=limits.lease / 3)
        self._maintain_loop = self._loop(self._maintain, every=limits.poll)
        self._confirm_loop = self._loop(confirmer.confirm, every=NOT_WOKEN_SECONDS)

    def _loop(self, once: Callable[[], Awaitable[float | None]], *, every: float) -> Loop:
        """Return a loop that runs again after the worker's poll when the database or HubSpot fails."""
        return Loop(
            once,
            every=every,
            retry=self._limits.poll,
            store_trouble="worker.store_trouble",
            trouble="worker.trouble",
            defect="worker.defect",
        )

    def start(self) -> None:
        """Start the loops."""
        for loop in (self._claim_loop, self._renew_loop, self._maintain_loop, self._confirm_loop):
            loop.start()

    def wake(self) -> None:
        """Claim now: another process has committed an enrollment."""
        self._claim_loop.wake()

    async def stop(self, *, drain_seconds: float) -> None:
        """Claim no more, finish started work within `drain_seconds`, and hand back the rest.

        An enrollment that is handed back before `sending` is ready at once for other workers; later ones are settled.
        """
        # A confirmation that waits for HubSpot is cancelled: it is due again elsewhere. Leases are renewed to the end.
        await self._confirm_loop.stop()
        await asyncio.gather(self._claim_loop.stop(finish=True), self._maintain_loop.stop(finish=True))
        if self._in_progress:
            log.info("worker.draining", in_hand=len(self._in_progress))
            await asyncio.wait(self._in_progress, timeout=drain_seconds)
        await self._renew_loop.stop()
        await _cancel(*self._in_progress)
        await self._store.close()  # a commit that is under way for a cancelled enrollment is rolled back
        try:
            await self._store.reclaim_expired(first_read=self._limits.first_read, leaving=True)
        except STORE_TROUBLE as error:
            log.warning("worker.not_handed_back", error=first_line(error), follows="the leases run out")

    async def _claim_once(self) -> float | None:
        return 0.0 if await self._claim() >= self._limits.claim_at_once else None

    async def _claim(self) -> int:
        """Claim what there is room for, uncertain ones first: they block their person's other enrollments."""
        room = self._limits.room(len(self._in_progress))
        if not room:
            return 0
        uncertain = await self._store.claim_uncertain(room) if self._uncertain else []
        self._uncertain = len(uncertain) == room
        for enrollment in uncertain:
            self._start(enrollment, self._settler.settle)
        ready = await self._store.claim_ready(room - len(uncertain)) if room > len(uncertain) else []
        for enrollment in ready:
            self._start(enrollment, self._enroller.enroll)
        self._short = len(uncertain) + len(ready) < room
        return len(uncertain) + len(ready)

    def _start(self, enrollment: Enrollment, work: Callable[[Enrollment], Awaitable[None]]) -> None:
        task = asyncio.create_task(self._work(enrollment, work), name=enrollment.id)
        self._in_progress[task] = enrollment
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._in_progress.pop(task, None)
        if len(self._in_progress) + self._limits.claim_at_once == self._limits.capacity:
            self._claim_loop.wake()

    async def _work(self, enrollment: Enrollment, work: Callable[[Enrollment], Awaitable[None]]) -> None:
        structlog.contextvars.bind_contextvars(delivery_id=enrollment.delivery_id, enrollment_id=enrollment.id)
        try:
            await work(enrollment)
        except FenceLost:
            log.warning("enrollment.fence_lost", attempt=enrollment.attempt)
        except STORE_TROUBLE as error:
            log.warning("enrollment.not_recorded", error=first_line(error), follows="the lease runs out")
        except Exception:
            # A defect in one enrollment must not stop the others; its lease expires and it is tried again.
            log.exception("enrollment.defect", attempt=enrollment.attempt)

    async def _renew_leases(self) -> None:
        held = list(self._in_progress.values())
        if not held:
            return
        still_held = await self._store.renew_leases(held)
        for task, enrollment in list(self._in_progress.items()):
            if enrollment in held and enrollment.id not in still_held and not task.done():
                log.info("enrollment.lease_lost", enrollment_id=enrollment.id, attempt=enrollment.attempt)

    async def _maintain(self) -> float:
        """Do what is due besides enrolling; return the seconds until the next look.

        Reclaim expired leases, expire and release what is due, and hold what another enrollment blocks: that is due,
        and a claim has not found it.
        """
        await self._end_stuck_sessions()
        due = await self._store.what_is_due()
        reclaimed = due.abandoned and await self._reclaim()
        if due.overdue:
            for sequence in (await self._store.expire()).values():
                self._observe_expired(sequence)
        released = due.held and await self._store.release_due()
        if due.ready and self._short:
            await self._store.hold_blocked()
        self._uncertain |= due.uncertain
        if due.ready or due.uncertain or reclaimed or released:
            self._claim_loop.wake()
        if due.confirming:
            self._confirm_loop.wake()
        return self._limits.rest(None if due.next_in is None else float(due.next_in))

    async def _reclaim(self) -> bool:
        """Take over what dead workers had; return whether there was any."""
        reclaimed = await self._store.reclaim_expired(first_read=self._limits.first_read)
        if reclaimed:
            uncertain = sum(state is State.UNCERTAIN for state in reclaimed.values())
            log.warning("worker.took_over", ready=len(reclaimed) - uncertain, uncertain=uncertain)
        return bool(reclaimed)

    async def _end_stuck_sessions(self) -> None:
        """End the sessions of processes that froze in the middle of a transaction, once in a lease."""
        if elapsed_seconds() - self._stuck_sessions_looked_at < self._limits.lease:
            return
        self._stuck_sessions_looked_at = elapsed_seconds()
        if stuck := await self._store.terminate_stuck_sessions():
            log.warning("worker.ended_frozen_sessions", count=stuck)


async def _cancel(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
