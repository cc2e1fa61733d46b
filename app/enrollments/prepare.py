"""PREPARE: everything before the one request: eligibility, sender, sending window, contact and baseline.

What needs no HubSpot call is decided first: an enrollment that is suppressed, or waits for a window, costs no call.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from app.enrollments.after_restore import Shown, judge, require_clear, require_settled
from app.enrollments.conflict import require_none
from app.enrollments.contact import OWNER
from app.enrollments.evidence import Evidence, compare
from app.enrollments.timing import require_open
from app.enrollments.unenroll import IS_ENROLLED
from app.errors import HeldError, ParkedError
from app.model import CONTACT_OWNER, KEEP, OF_CONTACT, IfEnrolled, Step

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from app.enrollments.after_restore import Gap, Sent
    from app.enrollments.contact import ContactWriter
    from app.enrollments.first_look import FirstLook
    from app.enrollments.record import Recorder
    from app.enrollments.store import EnrollmentStore
    from app.enrollments.unenroll import Unenroller
    from app.enrollments.work_item import WorkItem
    from app.model import Baseline, Enrollment, Sender
    from app.people.identity import Person

    ReadSent = Callable[[Enrollment, Person], Awaitable[list[Sent]]]

RECHECK_AFTER = timedelta(hours=1)


async def _none_sent(_: Enrollment, __: Person) -> list[Sent]:
    """Know of no other enrollments of the contact."""
    return []


class Found(NamedTuple):
    """How it is known that HubSpot has enrolled the contact already; and since when, where no request is on record."""

    cause: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Preparer:
    """Takes a claimed enrollment to `prepared`. `sent` reads the contact's other enrollments, after a restore."""

    store: EnrollmentStore
    contacts: ContactWriter
    first_look: FirstLook
    unenroller: Unenroller
    recorder: Recorder
    sent: ReadSent = _none_sent

    async def prepare(self, item: WorkItem) -> Found | None:
        """Prepare the contact and its baseline; return it where HubSpot turns out to have enrolled the contact.

        Raises HeldError, DeclinedError, ParkedError, FenceLost, and what HubSpot raises.
        """
        await self.first_look.ensure_eligible(item.enrollment)
        gaps = await self.settled_gaps(item.enrollment)
        by_owner = item.enrollment.plan.sender == CONTACT_OWNER
        if not by_owner:
            await self._assign(item)
            self._require_open(item, facts_known=False)
        baseline = await self.contacts.ensure(item)
        if _earlier_request_worked(item, baseline):
            return Found("found_before_resend")
        if gaps and await self._was_sent(item, baseline, gaps):
            return Found("found_after_restore", baseline.date)
        await self._ensure_person_free(item)
        if by_owner:
            await self._assign(item)
        self._require_open(item, facts_known=True)
        # Missing requirements are found before a contact is taken out of a sequence for an enrollment that cannot run.
        defaults, owner = await self.contacts.missing_defaults(item), await self._new_owner(item)
        await self._ensure_not_enrolled(item)
        await self.contacts.add(item.enrollment, defaults | ({OWNER: owner} if owner else {}))
        await self._checkpoint(item, baseline, owner or item.enrollment.gave_owner)
        return None

    async def settled_gaps(self, enrollment: Enrollment) -> tuple[Gap, ...]:
        """Return the times without a record that concern this enrollment.

        Raises HeldError until HubSpot shows what was sent in them.
        """
        gaps = await self.first_look.gaps(enrollment)
        if gaps:
            settle = timedelta(seconds=self.recorder.patience.settle_seconds)
            require_settled(gaps, now=self.recorder.now(), settle=settle)
        return gaps

    def recheck(self, item: WorkItem) -> None:
        """Check right before the request that the window is open still: it may have waited for the rate limit.

        The commit of `sending` checks what else may have changed meanwhile. Raises HeldError.
        """
        self._require_open(item, facts_known=True)

    async def update(self, enrollment: Enrollment) -> str:
        """Write the contact and nothing else; return its id.

        Raises DeclinedError for a person who is suppressed, and for a contact that lacks what the rule requires.
        """
        await self.first_look.ensure_eligible(enrollment)
        contact_id = await self.contacts.write(enrollment)
        await self.contacts.fill_required(enrollment, contact_id)
        return contact_id

    async def ensure_reachable(self, enrollment: Enrollment, contact_id: str) -> None:
        """Return when the contact may be reached at all its addresses. Raises DeclinedError, or HeldError."""
        await self._require_no_conflict(enrollment, await self.contacts.identify(enrollment, contact_id))

    async def replace(self, enrollment: Enrollment) -> None:
        """Take the contact out of the sequence that HubSpot reports. Raises HeldError until it is out, or ParkedError.

        It never returns: a contact that HubSpot refuses for being in a sequence counts as being in one.
        """
        await self.unenroller.ensure_not_enrolled(enrollment, enrollment.contact_id or "", refused=True)

    def current_config(self, sender: Sender) -> Sender:
        """Return the sender as the rulebook in force describes it."""
        return self.first_look.senders.current_config(sender)

    async def _was_sent(self, item: WorkItem, baseline: Baseline, gaps: tuple[Gap, ...]) -> bool:
        """Tell whether the contact shows that this enrollment was sent before a restore.

        Raises ParkedError where it does not show that.
        """
        sent = await self.sent(item.enrollment, item.known_person)
        wanted, is_merged = item.enrollment.sequence, len(item.known_person.ids) > 1
        shown = judge(baseline, gaps, wanted=wanted, sent=sent, now=self.recorder.now(), is_merged=is_merged)
        require_clear(shown, baseline)
        return shown is Shown.ENROLLED

    async def _assign(self, item: WorkItem) -> None:
        """Choose the sender, also where an earlier attempt has chosen one."""
        sender = await self.first_look.assign(item.enrollment, item.facts)
        item.enrollment = replace(item.enrollment, sender=sender, step=Step.ASSIGNED)
        self.recorder.step(item.enrollment, "assigned")

    def _require_open(self, item: WorkItem, *, facts_known: bool) -> None:
        """Raise HeldError while the rule's window is closed. `facts_known`: the contact's properties have been read."""
        timing = item.enrollment.plan.timing
        if timing is None or (timing.zone == OF_CONTACT and not facts_known):
            return
        sender = self.current_config(item.sender)
        require_open(timing, sender, item.facts, enrollment_id=item.enrollment.id, now=self.recorder.now())

    async def _ensure_not_enrolled(self, item: WorkItem) -> None:
        """Raise HeldError for a contact in another sequence, where the rule says to wait for its end or replace it."""
        enrollment, enrolled = item.enrollment, item.facts.get(IS_ENROLLED) == "true"
        if enrollment.plan.if_enrolled is IfEnrolled.WAIT and enrolled:
            until = self.recorder.now() + RECHECK_AFTER
            raise HeldError("already_enrolled", until, "the contact is in another sequence")
        if enrollment.plan.if_enrolled is not IfEnrolled.REPLACE:
            return
        # After a request without an outcome the sequence may be ours: then only HubSpot's reply to the request decides.
        if enrollment.triggered_at or (enrolled and enrollment.first_sending_at is None):
            await self.unenroller.ensure_not_enrolled(enrollment, enrollment.contact_id or "")
            item.removed = enrollment.triggered_at is not None
            item.enrollment = replace(item.enrollment, triggered_at=None)

    async def _ensure_person_free(self, item: WorkItem) -> None:
        """Check the contact's other addresses, before it is taken out of a sequence.

        Raises DeclinedError, or HeldError. A contact without other addresses is checked by the checkpoint.
        """
        person = item.known_person
        if person.others or item.enrollment.plan.if_enrolled is IfEnrolled.REPLACE:
            await self._require_no_conflict(item.enrollment, person)

    async def _require_no_conflict(self, enrollment: Enrollment, person: Person) -> None:
        await self.first_look.eligibility.ensure_eligible(enrollment, person)
        require_none(await self.store.read_conflict(enrollment, person), now=self.recorder.now())

    async def _new_owner(self, item: WorkItem) -> str | None:
        """Return the owner id to write to the contact, None where it keeps the one it has.

        An owner that this enrollment has written itself does not count as the contact's own: another sender may have
        been chosen since.
        """
        enrollment, plan, current = item.enrollment, item.enrollment.plan, item.facts.get(OWNER)
        if plan.owner == KEEP or (current and current != enrollment.gave_owner and not plan.overwrite_owner):
            return None
        owner = await self.first_look.senders.owner_of(plan.owner, item.sender)
        return owner if owner != current else None

    async def _checkpoint(self, item: WorkItem, baseline: Baseline, owner: str | None) -> None:
        """Take the enrollment to `prepared`. The commit of `sending` writes that, too.

        An owner that was given to the contact is written at once: the next attempt must not take it for the contact's
        own.
        """
        known = item.enrollment.gave_owner
        item.enrollment = replace(item.enrollment, baseline=baseline, step=Step.PREPARED, gave_owner=owner)
        if owner != known:
            conflict = await self.store.checkpoint_prepared(item.enrollment, item.known_person, baseline, owner)
            if conflict is not None:
                require_none(conflict, now=self.recorder.now())
        self.recorder.step(item.enrollment, "prepared")


def _earlier_request_worked(item: WorkItem, fresh: Baseline) -> bool:
    """Tell, before a re-send, whether the contact shows that the first request worked: its properties may lag so far.

    Raises ParkedError where they have changed in another way.
    """
    enrollment = item.enrollment
    since = enrollment.first_sending_at
    if since is None or enrollment.triggered_at is not None:
        return False  # a contact that is being taken out of another sequence was not put into ours
    evidence = compare(enrollment.baseline, fresh, None, wanted=enrollment.sequence, sending_at=since)
    if evidence is Evidence.CONTRADICTORY and enrollment.resends:
        message = "the contact has changed since the request without an answer, and not by it alone"
        raise ParkedError("unsettled", message)
    return evidence is Evidence.HAPPENED
