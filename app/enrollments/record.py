"""RECORD: write what follows from a step or a failure, then report it to logs and metrics."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.enrollments.outcome import Change, Patience, Transition, after_failure
from app.model import State, Step

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from app.enrollments.store import EnrollmentStore
    from app.errors import SegueError
    from app.hubspot.api.sequences import Enrolled
    from app.model import Enrollment


@dataclass(frozen=True, slots=True)
class Recorder:
    """Records the transitions of one account's enrollments. Every method that writes raises FenceLost.

    `random` is uniform in [0, 1). `observe` receives each transition after it is committed, and each step within
    `working`.
    """

    store: EnrollmentStore
    patience: Patience
    now: Callable[[], datetime]
    random: Callable[[], float]
    observe: Callable[[Transition], None]

    def step(self, enrollment: Enrollment, cause: str) -> None:
        """Report a step within `working`; nothing is written."""
        self.observe(Transition(enrollment, State.WORKING, Change(cause)))

    async def move(self, enrollment: Enrollment, after: State, change: Change) -> None:
        """Record a transition."""
        await self.store.move(enrollment, after, change)
        self.observe(Transition(enrollment, after, change))

    async def read_later(self, enrollment: Enrollment, change: Change) -> None:
        """Leave an uncertain enrollment for its next read."""
        await self.store.read_later(enrollment, change)
        self.observe(Transition(enrollment, State.UNCERTAIN, change))

    async def enrolled(
        self, enrollment: Enrollment, cause: str, enrolled: Enrolled | None = None, *, since: datetime | None = None
    ) -> None:
        """Record that HubSpot has enrolled the contact; `enrolled` is its reply, None where no reply came.

        `since`: no request is on record, and HubSpot shows the enrollment since then.
        """
        change = Change(
            cause,
            hubspot_enrollment_id=enrolled.id if enrolled else None,
            enrolled_at=enrolled.enrolled_at if enrolled else since,
            confirm_in=None if since else self.patience.confirm_seconds,
        )
        await self.move(enrollment, State.ENROLLED, change)

    async def failed(self, enrollment: Enrollment, error: SegueError, *, answered: bool = False) -> None:
        """Record what follows from `error`. `answered`: HubSpot replied to the request, and something failed after."""
        judged = replace(enrollment, step=Step.PREPARED) if answered else enrollment
        after, change = self.after_failure(judged, error)
        # A first request that HubSpot refused, or that was never sent, leaves nothing to settle.
        first_request = enrollment.step is Step.SENDING and enrollment.first_sending_at is None
        declined = after is State.REFUSED and not answered
        unsent = first_request and (declined or after in {State.READY, State.HELD, State.PARKED})
        # A refusal of our own says nothing of an earlier request without an outcome, which keeps the person's intent.
        moved = replace(enrollment, step=Step.PREPARED) if declined else enrollment
        await self.move(moved, after, replace(change, unsent=unsent))

    def after_failure(self, enrollment: Enrollment, error: SegueError) -> tuple[State, Change]:
        """Return the state that follows from `error`, and what is written with it; nothing is written here."""
        return after_failure(error, enrollment, now=self.now(), random=self.random(), patience=self.patience)
