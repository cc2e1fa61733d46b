"""PREPARE: everything before the one request. Admit, choose the sender, heed the window, have the contact ready.

What can be decided without HubSpot is decided first: whoever is suppressed, or waits for a window, costs no call.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from app.enrollments.evidence import Evidence, compare
from app.enrollments.outcome import Change, Transition
from app.enrollments.timing import require_open
from app.enrollments.unenroll import IS_ENROLLED
from app.errors import HeldError, Refusal, RequirementMissing, Unsettled
from app.model import CONTACT_OWNER, KEEP, OF_CONTACT, IfEnrolled, State, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from app.model import Baseline, DroppedProperty, Enrollment, Plan, Sender, WrittenContact

OWNER = "hubspot_owner_id"
NOT_FOUND = "OBJECT_NOT_FOUND"
LOOK_AGAIN = timedelta(hours=1)


@dataclass(slots=True)
class WorkItem:
    """The enrollment as far as this attempt has brought it, and the contact's facts: errors are judged by the step.

    `freed` tells that a workflow has just taken the contact out of its sequence, as far as HubSpot shows.
    """

    enrollment: Enrollment
    facts: dict[str, str | None] = field(default_factory=dict)
    freed: bool = False


class HubSpot(Protocol):
    """What preparing needs of HubSpot. Every method raises NotSent, OutcomeUnknown, Refusal or BudgetSpent."""

    async def write(
        self, email: str, properties: Mapping[str, str], write_back: tuple[tuple[str, str], ...] = ()
    ) -> WrittenContact:
        """Create or update the contact with this address, without those of its write-backs that HubSpot refuses."""

    async def read(self, contact_id: str, names: Iterable[str]) -> Mapping[str, str | None]:
        """Return the named properties of the contact."""

    async def look(self, contact_id: str, names: Iterable[str]) -> tuple[Mapping[str, str | None], Baseline]:
        """Return the named properties of the contact, and what its sequence properties say, as of one moment."""


class Admitter(Protocol):
    """Who is enrolled at all."""

    async def admit(self, enrollment: Enrollment) -> None:
        """Return when the person may be enrolled. Raises DeclinedError."""


class Assigner(Protocol):
    """Who sends, and who the contact is given to."""

    async def assign(self, enrollment: Enrollment, facts: Mapping[str, str | None]) -> Sender:
        """Return who sends, and write it down. Raises HeldError, DeclinedError, ParkedError and FenceLost."""

    def known(self, sender: Sender) -> Sender:
        """Return the sender as the rules in force describe it: its cap and its time zone."""

    async def owner_of(self, name: str, sender: Sender) -> str:
        """Return the owner id of the named sender, or (`sender`) of the one who sends. Raises ParkedError."""


class Bridging(Protocol):
    """The way out of sequences."""

    async def free(self, enrollment: Enrollment, contact_id: str, *, told: bool = False) -> None:
        """Return when the contact is in no sequence (`told`: HubSpot says that it is). Raises HeldError until then."""


class Record(Protocol):
    """Where the checkpoint is recorded, fenced."""

    async def prepared(self, enrollment: Enrollment, contact_id: str, baseline: Baseline, owner: str | None) -> None:
        """Checkpoint `prepared`, with the owner that the contact was given to. Raises FenceLost."""

    async def remark(self, enrollment: Enrollment, cause: str, detail: str) -> None:
        """Write a line of the enrollment's journal. Raises FenceLost."""


class Preparer:
    """Takes a claimed enrollment to `prepared`."""

    def __init__(
        self,
        record: Record,
        hubspot: HubSpot,
        admitter: Admitter,
        senders: Assigner,
        bridging: Bridging,
        *,
        now: Callable[[], datetime],
        tell: Callable[[Transition], None],
        tell_dropped: Callable[[Enrollment, DroppedProperty], None],
    ) -> None:
        self._record = record
        self._hubspot = hubspot
        self._admitter = admitter
        self._senders = senders
        self._bridging = bridging
        self._now = now
        self._tell = tell
        self._tell_dropped = tell_dropped

    async def prepare(self, attempt: WorkItem) -> bool:
        """Have the contact and its baseline; tell whether an earlier request turns out to have worked after all.

        Raises HeldError, DeclinedError, ParkedError, FenceLost, and what HubSpot raises.
        """
        await self._admitter.admit(attempt.enrollment)
        asks_owner = attempt.enrollment.plan.sender == CONTACT_OWNER
        if not asks_owner:
            await self._assign(attempt)
            self._require_open(attempt, asked=False)
        baseline = await self._written_once(attempt)
        if self._happened(attempt, baseline):
            return True
        if asks_owner:
            await self._assign(attempt)
        self._require_open(attempt, asked=True)
        # Nobody is taken out of a sequence for the sake of an enrollment that lacks something.
        missing, owner = _filled(attempt), await self._owner_to_give(attempt)
        await self._require_free(attempt)
        await self._write(attempt, missing | ({OWNER: owner} if owner else {}))
        await self._prepared(attempt, baseline, owner or attempt.enrollment.gave_owner)
        return False

    async def look_again(self, attempt: WorkItem) -> None:
        """Look once more, right before the request, at what may have changed while it waited for its turn.

        Raises HeldError where the window has closed and DeclinedError where the person was suppressed meanwhile.
        """
        await self._admitter.admit(attempt.enrollment)
        self._require_open(attempt, asked=True)

    async def update(self, enrollment: Enrollment) -> str:
        """Write the contact and nothing else; return its id.

        Raises DeclinedError for a person who is suppressed, and for a contact that lacks what the rule requires.
        """
        await self._admitter.admit(enrollment)
        contact_id = await self._written(enrollment)
        if enrollment.require:
            attempt = WorkItem(enrollment, dict(await self._hubspot.read(contact_id, enrollment.require)))
            await self._write(attempt, _filled(attempt))
        return contact_id

    async def replace(self, enrollment: Enrollment) -> None:
        """Have the contact out of the sequence that HubSpot says it is in. Raises HeldError, or ParkedError."""
        await self._bridging.free(enrollment, enrollment.contact_id or "", told=True)

    async def _assign(self, attempt: WorkItem) -> None:
        """Choose who sends, again where that was done."""
        sender = await self._senders.assign(attempt.enrollment, attempt.facts)
        attempt.enrollment = replace(attempt.enrollment, sender=sender, step=Step.ASSIGNED)
        self._step(attempt.enrollment, "assigned")

    def known(self, sender: Sender) -> Sender:
        """Return the sender as the rules in force describe it: its cap and its time zone."""
        return self._senders.known(sender)

    async def _written_once(self, attempt: WorkItem) -> Baseline:
        """Have the contact with the rule's properties, and look at it.

        They are written once: by the time whoever waits is looked at again, somebody may have corrected them. A
        contact that was deleted meanwhile is created anew.
        """
        if attempt.enrollment.contact_id is not None:
            try:
                return await self._look(attempt, attempt.enrollment.contact_id)
            except Refusal as refusal:
                if refusal.code != NOT_FOUND:
                    raise
        contact_id = await self._written(attempt.enrollment)
        attempt.enrollment = replace(attempt.enrollment, contact_id=contact_id)
        return await self._look(attempt, contact_id)

    async def _written(self, enrollment: Enrollment) -> str:
        """Write the rule's properties and the write-backs; return the contact's id.

        HubSpot's no to a write-back ends no enrollment: the journal says what the contact was written without.
        """
        plan = enrollment.plan
        written = await self._hubspot.write(enrollment.email, enrollment.properties, plan.write_back)
        if written.dropped:
            await self._record.remark(enrollment, "write_back_dropped", _without(written.dropped))
        for dropped in written.dropped:
            self._tell_dropped(enrollment, dropped)
        return written.id

    async def _look(self, attempt: WorkItem, contact_id: str) -> Baseline:
        """Read the contact's facts and baseline: one ask, which takes one place in a call."""
        names = (*attempt.enrollment.require, *_facts_for(attempt.enrollment.plan))
        facts, baseline = await self._hubspot.look(contact_id, names)
        attempt.facts = dict(facts)
        return baseline

    def _happened(self, attempt: WorkItem, fresh: Baseline) -> bool:
        """Say, before a re-send, whether the contact shows that the first request worked: its properties may lag so."""
        enrollment = attempt.enrollment
        since = enrollment.first_sending_at
        if since is None or enrollment.triggered_at is not None:
            return False  # whoever is taken out of another sequence was not put into ours
        late = compare(enrollment.baseline, fresh, None, wanted=enrollment.sequence, sending_at=since)
        if late is Evidence.CONTRADICTORY and enrollment.resends:
            raise Unsettled
        return late is Evidence.HAPPENED

    def _require_open(self, attempt: WorkItem, *, asked: bool) -> None:
        """Raise HeldError while the rule's window is closed. `asked` tells whether the contact's facts are known."""
        timing, enrollment = attempt.enrollment.plan.timing, attempt.enrollment
        if timing is None or (timing.zone == OF_CONTACT and not asked):
            return
        sender = self._senders.known(assigned(enrollment))
        require_open(timing, sender, attempt.facts, identity=enrollment.id, now=self._now())

    async def _require_free(self, attempt: WorkItem) -> None:
        """Raise HeldError for somebody who is in another sequence, where the rule says to wait or to replace it."""
        enrollment, enrolled = attempt.enrollment, attempt.facts.get(IS_ENROLLED) == "true"
        if enrollment.plan.if_enrolled is IfEnrolled.WAIT and enrolled:
            raise HeldError("already_enrolled", self._now() + LOOK_AGAIN, "the contact is in another sequence")
        if enrollment.plan.if_enrolled is not IfEnrolled.REPLACE:
            return
        # After a request without an outcome it may be ours that it is in: then HubSpot itself is asked, by sending.
        if enrollment.triggered_at or (enrolled and enrollment.first_sending_at is None):
            await self._bridging.free(enrollment, enrollment.contact_id or "")
            attempt.freed = enrollment.triggered_at is not None
            attempt.enrollment = replace(attempt.enrollment, triggered_at=None)

    async def _owner_to_give(self, attempt: WorkItem) -> str | None:
        """Return the owner id that the contact is to be given, None where it keeps the one it has.

        One that this enrollment has given it itself is no reason to keep it: another sender may have been chosen since.
        """
        enrollment, plan, has = attempt.enrollment, attempt.enrollment.plan, attempt.facts.get(OWNER)
        if plan.owner == KEEP or (has and has != enrollment.gave_owner and not plan.overwrite_owner):
            return None
        owner = await self._senders.owner_of(plan.owner, assigned(enrollment))
        return owner if owner != has else None

    async def _write(self, attempt: WorkItem, properties: Mapping[str, str]) -> None:
        """Write what the contact lacks: in one write, if any."""
        if properties:
            await self._hubspot.write(attempt.enrollment.email, properties)

    async def _prepared(self, attempt: WorkItem, baseline: Baseline, owner: str | None) -> None:
        await self._record.prepared(attempt.enrollment, attempt.enrollment.contact_id or "", baseline, owner)
        attempt.enrollment = replace(attempt.enrollment, baseline=baseline, step=Step.PREPARED)
        self._step(attempt.enrollment, "prepared")

    def _step(self, enrollment: Enrollment, cause: str) -> None:
        """Tell a step within `working`."""
        self._tell(Transition(enrollment, State.WORKING, Change(cause)))


def _without(dropped: Iterable[DroppedProperty]) -> str:
    """Say which properties were left out, why, and what to do."""
    told = "; ".join(f"{one.name} was not written: {one.problem}" for one in dropped)
    return f"{told}; create or mend it in HubSpot, or name another one in the account's `write_back`"


def _filled(attempt: WorkItem) -> dict[str, str]:
    """Return the defaults of what is required and empty. Raises RequirementMissing for what has none."""
    defaults = dict(attempt.enrollment.plan.defaults)
    empty = [name for name in attempt.enrollment.require if not (attempt.facts.get(name) or "").strip()]
    missing = tuple(name for name in empty if name not in defaults)
    if missing:
        raise RequirementMissing(missing)
    return {name: defaults[name] for name in empty}


def assigned(enrollment: Enrollment) -> Sender:
    """Return who sends."""
    if enrollment.sender is None:
        raise AssertionError("nobody was assigned to this enrollment")
    return enrollment.sender


def _facts_for(plan: Plan) -> tuple[str, ...]:
    """Return the contact's properties that the plan asks for."""
    owner = (OWNER,) if plan.sender == CONTACT_OWNER or plan.owner != KEEP else ()
    clock = (plan.timing.contact_property,) if plan.timing and plan.timing.zone == OF_CONTACT else ()
    enrolled = (IS_ENROLLED,) if plan.if_enrolled is not IfEnrolled.SKIP else ()
    return (*owner, *clock, *enrolled)
