"""The loops around `app.enroll`: claim, keep leases alive, take over what others dropped, finish what is in hand."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.errors import FenceLost, SegueError
from app.model import State
from app.store.database import first_line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.confirm import Confirmer
    from app.enroll import Enroller
    from app.model import Enrollment
    from app.store.enrollments import Enrollments

CONFIRM_EVERY_SECONDS = 5.0
STORE_TROUBLE = (SQLAlchemyError, OSError, TimeoutError)

_T = TypeVar("_T")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerPace:
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
        enrollments: Enrollments,
        enroller: Enroller,
        confirmer: Confirmer,
        *,
        pace: WorkerPace,
        expired: Callable[[str], None],
    ) -> None:
        self._enrollments = enrollments
        self._enroller = enroller
        self._confirmer = confirmer
        self._pace = pace
        self._expired = expired
        self._in_hand: dict[asyncio.Task[None], Enrollment] = {}
        self._loops: list[asyncio.Task[None]] = []
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()

    def start(self) -> None:
        """Begin to work."""
        tick = min(self._pace.poll, self._pace.lease / 4)
        self._loops = [
            asyncio.create_task(self._claim_for_ever(), name="worker-claim"),
            asyncio.create_task(self._every(self._pace.lease / 3, self._renew), name="worker-renew"),
            asyncio.create_task(self._every(tick, self._look_after), name="worker-look-after"),
        ]
        confirm = self._every(CONFIRM_EVERY_SECONDS, self._confirmer.confirm)
        self._confirming = asyncio.create_task(confirm, name="worker-confirm")

    def wake(self) -> None:
        """Look for work now: somebody committed an enrollment."""
        self._wake.set()

    async def stop(self, *, drain_seconds: float) -> None:
        """Claim nothing more, finish what is in hand within `drain_seconds`, and hand back the rest.

        What was handed back before `sending` is ready at once for others; a request that was on its way is settled.
        """
        self._stopping.set()
        self._wake.set()
        # Leases are renewed without a gap; confirming, which waits for HubSpot, is given up: it comes again elsewhere.
        renewing = asyncio.create_task(self._renew_until_done(), name="worker-renew-last")
        self._confirming.cancel()
        await asyncio.gather(*self._loops, self._confirming, return_exceptions=True)
        if self._in_hand:
            log.info("worker.draining", in_hand=len(self._in_hand))
            await asyncio.wait(self._in_hand, timeout=drain_seconds)
        await _cancelled(*self._in_hand, renewing)
        try:
            await self._enrollments.take_over(first_read=self._pace.first_read, leaving=True)
        except STORE_TROUBLE as error:
            log.warning("worker.not_handed_back", error=first_line(error), follows="the leases run out")

    async def _renew_until_done(self) -> None:
        while True:
            await self._guarded(self._renew)
            await asyncio.sleep(self._pace.lease / 3)

    async def _claim_for_ever(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            claimed = await self._guarded(self._claim) or 0
            if claimed < self._pace.claim_at_once:
                await self._wait()

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pace.poll):
                await self._wake.wait()

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
            self._wake.set()

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
            self._wake.set()

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while not self._stopping.is_set():
            await self._guarded(work)
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._stopping.wait()

    async def _guarded(self, work: Callable[[], Awaitable[_T]]) -> _T | None:
        """Run `work`; trouble with the store or HubSpot is logged and the next round tries again."""
        try:
            return await work()
        except STORE_TROUBLE as error:
            log.warning("worker.store_trouble", error=first_line(error))
        except SegueError as error:
            log.warning("worker.trouble", error=str(error))
        except Exception:
            # A loop that ends takes the whole worker's purpose with it, and nobody would notice.
            log.exception("worker.defect")
        await asyncio.sleep(self._pace.poll)
        return None


async def _cancelled(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
