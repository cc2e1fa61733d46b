"""ENROLL: claim -> pace -> enroll -> record, on one page.

A claimed enrollment is prepared (`prepare`), `sending` is committed, one request goes out, and its outcome is recorded.
What ends without an outcome is settled by reading, never by a blind repeat.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from app.enrollments.evidence import Evidence, Settlement, compare, is_ours, next_read_at, settle
from app.enrollments.outcome import Change, Patience, Transition, after_failure
from app.enrollments.prepare import LOOK_AGAIN, WorkItem, assigned
from app.enrollments.sending import SendingCheckpoint
from app.errors import FenceLost, HeldError, ParkedError, Refusal, SegueError
from app.model import ENROLL, IfEnrolled, ObservedEnrollment, State, Step

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from app.enrollments.outcome import NextStep
    from app.model import Baseline, Enrollment, Sender

ALREADY_ENROLLED = "ALREADY_ENROLLED"


class Enrolled(Protocol):
    """HubSpot's yes: its id of the enrollment, and since when."""

    @property
    def id(self) -> str:
        """HubSpot's enrollment id."""

    @property
    def enrolled_at(self) -> datetime:
        """Since when, by HubSpot's clock."""


class HubSpot(Protocol):
    """What enrolling needs of HubSpot. Every method raises NotSent, OutcomeUnknown, Refusal or BudgetSpent."""

    async def baseline(self, contact_id: str) -> Baseline:
        """Return what the contact's sequence properties say now."""

    async def status(self, contact_id: str) -> ObservedEnrollment | None:
        """Return the enrollment that the status route shows, None when it shows none."""

    async def enroll(
        self, contact_id: str, sequence: str, sender: Sender, *, before_send: Callable[[], Awaitable[None]]
    ) -> Enrolled:
        """Send the one request: `before_send` is awaited before a connection is taken, and before the first byte."""


class Preparation(Protocol):
    """What comes before the request."""

    async def prepare(self, attempt: WorkItem) -> bool:
        """Prepare an enrollment; tell whether an earlier request turns out to have worked after all."""

    async def look_again(self, attempt: WorkItem) -> None:
        """Look once more at what may have changed since. Raises HeldError and DeclinedError."""

    def known(self, sender: Sender) -> Sender:
        """Return the sender as the rules in force describe it."""

    async def replace(self, enrollment: Enrollment) -> None:
        """Have the contact out of the sequence that HubSpot says it is in. Raises HeldError, or ParkedError."""


class Actions(Protocol):
    """What rules do beside enrolling."""

    async def act(self, enrollment: Enrollment) -> str:
        """Do it; return what was done."""


class Record(Protocol):
    """Where outcomes are recorded: fenced, so that every method raises FenceLost once the row is somebody else's."""

    async def sending(self, enrollment: Enrollment, sender: Sender, *, limit: int | None) -> datetime:
        """Commit `sending` with the sender's reservation; return the database's time of it.

        Raises SenderGone when the sender has no place, or is paused, and HeldError when it is too late.
        """

    async def move(self, enrollment: Enrollment, after: State, change: Change) -> None:
        """Record a transition."""

    async def read_later(self, enrollment: Enrollment, change: Change) -> None:
        """Leave an uncertain enrollment for its next read."""


class Enroller:
    """Takes claimed enrollments to their outcome. Holds no state of its own: everything is in the record."""

    def __init__(
        self,
        record: Record,
        hubspot: HubSpot,
        preparation: Preparation,
        actions: Actions,
        fault_of: Callable[[str], NextStep],
        *,
        patience: Patience,
        now: Callable[[], datetime],
        random: Callable[[], float],
        tell: Callable[[Transition], None],
    ) -> None:
        self._record = record
        self._hubspot = hubspot
        self._preparation = preparation
        self._actions = actions
        self._fault_of = fault_of
        self._patience = patience
        self._now = now
        self._random = random
        self._tell = tell

    async def enroll(self, claimed: Enrollment) -> None:
        """Take one claimed enrollment to an outcome. Raises FenceLost when it is no longer ours."""
        attempt = WorkItem(claimed)
        self._step(claimed, "claimed")
        if claimed.plan.action != ENROLL:
            await self._act(claimed)
            return
        try:
            happened = await self._preparation.prepare(attempt)
            enrolled = None if happened else await self._send(attempt)
        except FenceLost:
            raise
        except Refusal as refusal:
            await self._refused(attempt, refusal)
        except SegueError as error:
            await self._failed(attempt.enrollment, error)
        else:
            await self._enrolled(attempt.enrollment, enrolled, "enrolled" if enrolled else "found_before_resend")

    async def _act(self, claimed: Enrollment) -> None:
        """Do what is not enrolling."""
        try:
            done = await self._actions.act(claimed)
        except FenceLost:
            raise
        except SegueError as error:
            await self._failed(claimed, error)
        else:
            await self._move(claimed, State.DONE, Change(claimed.plan.action, detail=done))

    async def _send(self, attempt: WorkItem) -> Enrolled:
        """Send the one request, once `sending` is committed and the commit is fresh."""
        sender = assigned(attempt.enrollment)

        async def commit(enrollment: Enrollment) -> datetime:
            return await self._record.sending(enrollment, sender, limit=self._preparation.known(sender).daily)

        checkpoint = SendingCheckpoint(attempt, self._preparation.look_again, commit, self._step)
        return await self._hubspot.enroll(
            attempt.enrollment.contact_id or "", attempt.enrollment.sequence, sender, before_send=checkpoint.ensure
        )

    async def _refused(self, attempt: WorkItem, refusal: Refusal) -> None:
        """Record a no. After an earlier request without an outcome, "already enrolled" may well be our own doing."""
        if refusal.code == ALREADY_ENROLLED and attempt.enrollment.first_sending_at is not None:
            await self._already_enrolled(attempt, refusal)
        else:
            await self._decline(attempt, refusal)

    async def _decline(self, attempt: WorkItem, refusal: Refusal) -> None:
        """Record a no, or what the rule says of somebody who is in another sequence: wait for its end, or end it."""
        error: SegueError = refusal
        enrollment = attempt.enrollment
        if refusal.code == ALREADY_ENROLLED and enrollment.plan.if_enrolled is IfEnrolled.WAIT:
            error = HeldError("already_enrolled", self._now() + LOOK_AGAIN, str(refusal))
        elif refusal.code == ALREADY_ENROLLED and enrollment.plan.if_enrolled is IfEnrolled.REPLACE:
            error = _still_enrolled() if attempt.freed else await self._replaced(enrollment)
        await self._failed(enrollment, error, answered=True)

    async def _replaced(self, enrollment: Enrollment) -> SegueError:
        """Begin to take the contact out of its sequence; return what is to be waited for, or what went wrong."""
        try:
            await self._preparation.replace(enrollment)
        except FenceLost:
            raise
        except SegueError as error:
            return error
        raise AssertionError("who is refused for being in a sequence was said to be in none")

    async def _already_enrolled(self, attempt: WorkItem, refusal: Refusal) -> None:
        """Find out whose enrollment it is. It is somebody else's only where HubSpot shows another one.

        The status route may not show what another user has enrolled, nor may it show ours yet: what is never shown is
        parked, and keeps the person's intent.
        """
        enrollment = attempt.enrollment
        try:
            witness = await self._hubspot.status(enrollment.contact_id or "")
        except SegueError as error:
            await self._unsettled(enrollment, refusal, f"whose enrollment it is cannot be read: {error}")
            return
        if witness is None:
            await self._unsettled(enrollment, refusal, "HubSpot does not show yet whose enrollment it is")
        elif _made_by(enrollment, witness):
            await self._enrolled(enrollment, None, "already_enrolled_by_us")
        else:
            await self._decline(attempt, refusal)

    async def _unsettled(self, enrollment: Enrollment, refusal: Refusal, detail: str) -> None:
        """Enrolled it is, by whom is not known: it is read again until HubSpot shows it, and parked in the end."""
        due_at = next_read_at(self._now(), reads=0, settle_seconds=self._patience.settle_seconds)
        change = Change("uncertain", refusal.code, detail, due_at=due_at)
        await self._move(replace(enrollment, state=State.WORKING), State.UNCERTAIN, change)

    async def _enrolled(self, enrollment: Enrollment, enrolled: Enrolled | None, cause: str) -> None:
        change = Change(
            cause,
            hubspot_enrollment_id=enrolled.id if enrolled else None,
            enrolled_at=enrolled.enrolled_at if enrolled else None,
            confirm_in=self._patience.confirm_seconds,
        )
        await self._move(enrollment, State.ENROLLED, change)

    async def _failed(self, enrollment: Enrollment, error: SegueError, *, answered: bool = False) -> None:
        """Record what follows from `error`. `answered`: the request has its answer, something after it went wrong."""
        judged = replace(enrollment, step=Step.PREPARED) if answered else enrollment
        after, change = after_failure(
            error, judged, self._fault_of, now=self._now(), random=self._random(), patience=self._patience
        )
        # A first request that HubSpot refused, or that never left us, leaves nothing to be found out.
        no_other = enrollment.step is Step.SENDING and enrollment.first_sending_at is None
        unsent = no_other and after in {State.READY, State.HELD, State.PARKED}
        await self._move(enrollment, after, replace(change, unsent=unsent))

    async def settle(self, claimed: Enrollment) -> None:
        """Read what became of an uncertain enrollment, and record what follows. Raises FenceLost."""
        try:
            reading = await self._read_again(claimed)
        except FenceLost:
            raise
        except SegueError as error:
            await self._unread(claimed, error)
            return
        reads = claimed.reads + 1
        match settle(reading, reads=reads, resends=claimed.resends):
            case Settlement.ENROLLED:
                await self._enrolled(claimed, None, "settled_enrolled")
            case Settlement.READ_AGAIN:
                sent_at = claimed.sending_at or self._now()
                due_at = next_read_at(sent_at, reads=reads, settle_seconds=self._patience.settle_seconds)
                await self._read_later(claimed, Change("read", detail=str(reading), due_at=due_at, reads=reads))
            case Settlement.RESEND:
                detail = f"{reads} reads equal the baseline: HubSpot never processed it"
                change = Change("resend", detail=detail, due_at=self._now(), resends=claimed.resends + 1)
                await self._move(claimed, State.READY, change)
            case Settlement.PARK:
                detail = f"what became of the request cannot be told: {reading} after {reads} reads"
                await self._move(claimed, State.PARKED, Change("parked", "unsettled", detail))

    async def _read_again(self, enrollment: Enrollment) -> Evidence:
        # After a re-send the first request may still be the one that worked: evidence counts from the first.
        contact_id, sent_at = enrollment.contact_id or "", enrollment.first_sending_at or self._now()
        seen = await self._hubspot.baseline(contact_id)
        reading = compare(enrollment.baseline, seen, None, wanted=enrollment.sequence, sending_at=sent_at)
        if reading is Evidence.HAPPENED:
            return reading
        witness = await self._hubspot.status(contact_id)
        return compare(enrollment.baseline, seen, witness, wanted=enrollment.sequence, sending_at=sent_at)

    async def _unread(self, enrollment: Enrollment, error: SegueError) -> None:
        """Leave a failed read for later; what HubSpot refuses to show, or not for 72 hours, is parked."""
        as_if_working = replace(enrollment, state=State.WORKING, step=Step.PREPARED)
        after, change = after_failure(
            error, as_if_working, self._fault_of, now=self._now(), random=self._random(), patience=self._patience
        )
        if after in {State.READY, State.HELD}:
            later = replace(change, cause="read_failed", reads=enrollment.reads)
            await self._read_later(enrollment, later)
        else:
            await self._move(enrollment, State.PARKED, replace(change, cause="parked", reason="unreadable"))

    async def _read_later(self, enrollment: Enrollment, change: Change) -> None:
        await self._record.read_later(enrollment, change)
        self._tell(Transition(enrollment, State.UNCERTAIN, change))

    def _step(self, enrollment: Enrollment, cause: str) -> None:
        """Tell a step within `working`."""
        self._tell(Transition(enrollment, State.WORKING, Change(cause)))

    async def _move(self, enrollment: Enrollment, after: State, change: Change) -> None:
        await self._record.move(enrollment, after, change)
        self._tell(Transition(enrollment, after, change))


def _made_by(enrollment: Enrollment, witness: ObservedEnrollment) -> bool:
    """Tell whether HubSpot's status route shows what this enrollment has asked for."""
    since = enrollment.first_sending_at
    return since is not None and is_ours(
        witness.sequence, witness.enrolled_at, wanted=enrollment.sequence, sending_at=since
    )


def _still_enrolled() -> ParkedError:
    told = (
        "a workflow took the contact out and HubSpot shows it in no sequence, but refuses it for being in one: look "
        "which one; released, it is tried once more"
    )
    return ParkedError("unenroll_unfinished", told)
