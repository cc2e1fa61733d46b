"""The loops around `enroll`: claim, keep leases alive, take over what others dropped, finish what is in hand."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from app.database.engine import STORE_TROUBLE, first_line
from app.errors import FenceLost
from app.jobs import Loop
from app.model import State

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.enrollments.confirm import Confirmer
    from app.enrollments.enroll import Enroller
    from app.enrollments.store import EnrollmentStore
    from app.model import Enrollment

CONFIRM_EVERY_SECONDS = 5.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """How much at once, and how often. `lease`, `poll` and `first_read` are in seconds.

    Up to `capacity` are in hand, claimed `claim_at_once` at a time, which must not be more.
    """

    capacity: int = 200
    claim_at_once: int = 100
    lease: float = 15.0
    poll: float = 1.0
    first_read: float = 30.0

    def room(self, in_hand: int) -> int:
        """Return how many to claim: a whole claim's worth or none.

        What is claimed together travels in the same batch calls; who claims one for each that is done, under a limit
        that makes all of them wait, has calls of a few.
        """
        return self.claim_at_once if in_hand + self.claim_at_once <= self.capacity else 0


class Worker:
    """One worker of one account. What it holds is told by leases: whoever dies is replaced within two of them.

    `expired` is told the sequence of each enrollment that was not sent in time.
    """

    def __init__(
        self,
        enrollments: EnrollmentStore,
        enroller: Enroller,
        confirmer: Confirmer,
        *,
        pace: WorkerLimits,
        expired: Callable[[str], None],
    ) -> None:
        self._enrollments = enrollments
        self._enroller = enroller
        self._confirmer = confirmer
        self._pace = pace
        self._expired = expired
        self._in_hand: dict[asyncio.Task[None], Enrollment] = {}
        tick = min(pace.poll, pace.lease / 4)
        self._claiming = self._loop(self._claim_once, every=pace.poll)
        self._renewing = self._loop(self._renew, every=pace.lease / 3)
        self._maintaining = self._loop(self._look_after, every=tick)
        self._confirming = self._loop(self._confirmer.confirm, every=CONFIRM_EVERY_SECONDS)

    def _loop(self, once: Callable[[], Awaitable[float | None]], *, every: float) -> Loop:
        """Return a loop that after trouble of the store or of HubSpot runs again after the worker's poll."""
        return Loop(
            once,
            every=every,
            retry=self._pace.poll,
            store_trouble="worker.store_trouble",
            trouble="worker.trouble",
            defect="worker.defect",
        )

    def start(self) -> None:
        """Begin to work."""
        for loop in (self._claiming, self._renewing, self._maintaining, self._confirming):
            loop.start()

    def wake(self) -> None:
        """Look for work now: another process committed an enrollment."""
        self._claiming.wake()

    async def stop(self, *, drain_seconds: float) -> None:
        """Claim nothing more, finish what is in hand within `drain_seconds`, and hand back the rest.

        What was handed back before `sending` is ready at once for others; a request that was on its way is settled.
        """
        # Confirming waits for HubSpot and is cancelled: it is due again elsewhere. Leases are renewed until the end.
        await self._confirming.stop()
        await asyncio.gather(self._claiming.stop(finish=True), self._maintaining.stop(finish=True))
        if self._in_hand:
            log.info("worker.draining", in_hand=len(self._in_hand))
            await asyncio.wait(self._in_hand, timeout=drain_seconds)
        await self._renewing.stop()
        await _cancelled(*self._in_hand)
        try:
            await self._enrollments.take_over(first_read=self._pace.first_read, leaving=True)
        except STORE_TROUBLE as error:
            log.warning("worker.not_handed_back", error=first_line(error), follows="the leases run out")

    async def _claim_once(self) -> float | None:
        return 0.0 if await self._claim() >= self._pace.claim_at_once else None

    async def _claim(self) -> int:
        """Claim what there is room for, uncertain ones first: they hold their person's place."""
        room = self._pace.room(len(self._in_hand))
        if not room:
            return 0
        uncertain = await self._enrollments.claim_uncertain(room)
        for enrollment in uncertain:
            self._take(enrollment, self._enroller.settle)
        ready = await self._enrollments.claim_ready(room - len(uncertain)) if room > len(uncertain) else []
        for enrollment in ready:
            self._take(enrollment, self._enroller.enroll)
        return len(uncertain) + len(ready)

    def _take(self, enrollment: Enrollment, work: Callable[[Enrollment], Awaitable[None]]) -> None:
        task = asyncio.create_task(self._work(enrollment, work), name=enrollment.id)
        self._in_hand[task] = enrollment
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._in_hand.pop(task, None)
        if len(self._in_hand) + self._pace.claim_at_once == self._pace.capacity:
            self._claiming.wake()

    async def _work(self, enrollment: Enrollment, work: Callable[[Enrollment], Awaitable[None]]) -> None:
        structlog.contextvars.bind_contextvars(delivery_id=enrollment.delivery_id, enrollment_id=enrollment.id)
        try:
            await work(enrollment)
        except FenceLost:
            log.warning("enrollment.fence_lost", attempt=enrollment.attempt)
        except STORE_TROUBLE as error:
            log.warning("enrollment.not_recorded", error=first_line(error), follows="the lease runs out")
        except Exception:
            # A defect of ours in one enrollment must not stop the others; its lease runs out and it is tried again.
            log.exception("enrollment.defect", attempt=enrollment.attempt)

    async def _renew(self) -> None:
        held = list(self._in_hand.values())
        if not held:
            return
        still_ours = await self._enrollments.renew(held)
        for task, enrollment in list(self._in_hand.items()):
            if enrollment in held and enrollment.id not in still_ours and not task.done():
                log.info("enrollment.lease_lost", enrollment_id=enrollment.id, attempt=enrollment.attempt)

    async def _look_after(self) -> None:
        """Take over what others dropped, release what is due, hold who must wait for another enrollment."""
        frozen = await self._enrollments.end_frozen()
        if frozen:
            log.warning("worker.ended_frozen_sessions", count=frozen)
        taken = await self._enrollments.take_over(first_read=self._pace.first_read)
        if taken:
            uncertain = sum(state is State.UNCERTAIN for state in taken.values())
            log.warning("worker.took_over", ready=len(taken) - uncertain, uncertain=uncertain)
        for sequence in (await self._enrollments.expire()).values():
            self._expired(sequence)
        released = await self._enrollments.release_due()
        await self._enrollments.hold_others()
        if taken or released:
            self._claiming.wake()


async def _cancelled(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
