"""ENROLL: claim -> rate limit -> enroll -> record, on one page.

A claimed enrollment is prepared (`prepare`), `sending` is committed, one request goes out, and its outcome is recorded.
A request without an outcome is settled by reading (`settle`), never repeated blindly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.enrollments.actions import ACTIONS
from app.enrollments.after_restore import require_not_reached
from app.enrollments.evidence import is_ours
from app.enrollments.outcome import Change, uncertain
from app.enrollments.prepare import RECHECK_AFTER
from app.enrollments.sending import SendingCheckpoint
from app.enrollments.work_item import WorkItem
from app.errors import FenceLost, HeldError, ParkedError, Refusal, SegueError
from app.model import ENROLL, IfEnrolled, State, Step

if TYPE_CHECKING:
    from datetime import datetime

    from app.enrollments.actions import Tools
    from app.enrollments.prepare import Preparer
    from app.enrollments.record import Recorder
    from app.enrollments.store import EnrollmentStore
    from app.hubspot.api.sequences import Enrolled
    from app.hubspot.batched import BatchedHubSpot
    from app.model import Enrollment, ObservedEnrollment
    from app.senders.blame import Blame

ALREADY_ENROLLED = "ALREADY_ENROLLED"


@dataclass(frozen=True, slots=True)
class Enroller:
    """Takes claimed enrollments to their outcome. It has no state of its own: everything is in the store."""

    store: EnrollmentStore
    hubspot: BatchedHubSpot
    preparer: Preparer
    tools: Tools
    recorder: Recorder
    blame: Blame

    async def enroll(self, claimed: Enrollment) -> None:
        """Take one claimed enrollment to an outcome. Raises FenceLost when another worker has claimed it since."""
        try:
            await self._enroll(claimed)
        finally:
            self.preparer.first_look.forget(claimed)

    async def _enroll(self, claimed: Enrollment) -> None:
        item = WorkItem(claimed)
        self.recorder.step(claimed, "claimed")
        if claimed.plan.action != ENROLL:
            await self._perform(claimed)
            return
        try:
            found = await self.preparer.prepare(item)
            enrolled = None if found else await self._send(item)
        except FenceLost:
            raise
        except Refusal as refusal:
            await self._refused(item, refusal)
        except SegueError as error:
            await self.recorder.failed(item.enrollment, error)
        else:
            cause, since = found or ("enrolled", None)
            await self.recorder.enrolled(item.enrollment, cause, enrolled, since=since)

    async def _perform(self, claimed: Enrollment) -> None:
        """Carry out an action other than enrolling."""
        try:
            require_not_reached(claimed, await self.preparer.first_look.gaps(claimed))
            done = await ACTIONS[claimed.plan.action].perform(claimed, self.tools)
        except FenceLost:
            raise
        except SegueError as error:
            await self.recorder.failed(claimed, error)
        else:
            await self.recorder.move(claimed, State.DONE, Change(claimed.plan.action, detail=done))

    async def _send(self, item: WorkItem) -> Enrolled:
        """Send the one request, once `sending` is committed and the commit is fresh."""
        sender = self.preparer.first_look.senders.with_alias(item.sender)

        async def commit(enrollment: Enrollment) -> datetime:
            limit = self.preparer.current_config(sender).daily
            return await self.store.commit_sending(enrollment, sender, limit=limit, person=item.known_person)

        checkpoint = SendingCheckpoint(item, self.preparer.recheck, commit, self.recorder.step)
        return await self.hubspot.enroll(
            item.enrollment.contact_id or "", item.enrollment.sequence, sender, before_send=checkpoint.ensure
        )

    async def _refused(self, item: WorkItem, refusal: Refusal) -> None:
        """Record a refusal. If an earlier request has no known outcome, "already enrolled" may be its effect."""
        if item.enrollment.step is Step.SENDING:
            refusal = self.preparer.first_look.senders.or_another(
                item.enrollment, await self.blame.attribute(refusal, item.sender)
            )
        if refusal.code == ALREADY_ENROLLED and item.enrollment.first_sending_at is not None:
            await self._already_enrolled(item, refusal)
        else:
            await self._decline(item, refusal)

    async def _decline(self, item: WorkItem, refusal: Refusal) -> None:
        """Record a refusal, or what the rule says of a contact in another sequence: wait for its end, or end it."""
        error: SegueError = refusal
        enrollment = item.enrollment
        if refusal.code == ALREADY_ENROLLED and enrollment.plan.if_enrolled is IfEnrolled.WAIT:
            error = HeldError("already_enrolled", self.recorder.now() + RECHECK_AFTER, str(refusal))
        elif refusal.code == ALREADY_ENROLLED and enrollment.plan.if_enrolled is IfEnrolled.REPLACE:
            error = _still_enrolled() if item.removed else await self._replace(enrollment)
        await self.recorder.failed(enrollment, error, answered=True)

    async def _replace(self, enrollment: Enrollment) -> SegueError:
        """Start to take the contact out of its sequence; return what to wait for, or what went wrong."""
        try:
            await self.preparer.replace(enrollment)
        except FenceLost:
            raise
        except SegueError as error:
            return error
        raise AssertionError("HubSpot refuses a contact for being in a sequence, and the unenroller found it in none")

    async def _already_enrolled(self, item: WorkItem, refusal: Refusal) -> None:
        """Find out whose enrollment it is. Only another one that HubSpot shows proves that it is not ours.

        The status route may hide what another user has enrolled, and may not show ours yet. If it never shows one, the
        enrollment is parked and keeps the person's intent.
        """
        enrollment = item.enrollment
        try:
            observed = await self.hubspot.status(enrollment.contact_id or "")
        except SegueError as error:
            await self._unsettled(enrollment, refusal, f"whose enrollment it is cannot be read: {error}")
            return
        if observed is None:
            await self._unsettled(enrollment, refusal, "HubSpot does not show yet whose enrollment it is")
        elif _made_by(enrollment, observed):
            await self.recorder.enrolled(enrollment, "already_enrolled_by_us")
        else:
            await self._decline(item, refusal)

    async def _unsettled(self, enrollment: Enrollment, refusal: Refusal, detail: str) -> None:
        """Record that the contact is enrolled, and by whom is unknown: reads follow until HubSpot shows it."""
        change = uncertain(refusal.code, detail, sent_at=self.recorder.now(), patience=self.recorder.patience)
        await self.recorder.move(replace(enrollment, state=State.WORKING), State.UNCERTAIN, change)


def _made_by(enrollment: Enrollment, observed: ObservedEnrollment) -> bool:
    """Tell whether `observed` is what this enrollment has requested."""
    since = enrollment.first_sending_at
    return since is not None and is_ours(
        observed.sequence, observed.enrolled_at, wanted=enrollment.sequence, sending_at=since
    )


def _still_enrolled() -> ParkedError:
    message = (
        "a workflow took the contact out and HubSpot shows it in no sequence, but refuses it for being in one: look "
        "which one; released, it is tried once more"
    )
    return ParkedError("unenroll_unfinished", message)
