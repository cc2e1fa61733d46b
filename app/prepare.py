"""PREPARE: everything before the one request. Admit, choose the sender, heed the window, have the contact ready.

What can be decided without HubSpot is decided first: whoever is suppressed, or waits for a window, costs no call.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from app.bridging import IS_ENROLLED
from app.errors import HeldError
from app.model import CONTACT_OWNER, KEEP, OF_CONTACT, IfEnrolled, State, Step
from app.policy.outcome import Change, RequirementMissingError, Told, UnsettledError
from app.policy.settle import Reading, compare
from app.policy.timing import require_open

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from app.model import Baseline, Enrollment, Plan, Sender

OWNER = "hubspot_owner_id"
LOOK_AGAIN = timedelta(hours=1)


@dataclass(slots=True)
class Attempt:
    """The enrollment as far as this attempt has brought it, and the contact's facts: errors are judged by the step.

    `freed` tells that a workflow has just taken the contact out of its sequence, as far as HubSpot shows.
    """

    enrollment: Enrollment
    facts: dict[str, str | None] = field(default_factory=dict)
    freed: bool = False


class HubSpot(Protocol):
    """What preparing needs of HubSpot. Every method raises NotSent, Ambiguous, Refusal or BudgetSpentError."""

    async def upsert(self, email: str, properties: Mapping[str, str]) -> str:
        """Create or update the contact with this address; return its id."""

    async def read(self, contact_id: str, names: Iterable[str]) -> Mapping[str, str | None]:
        """Return the named properties of the contact."""

    async def baseline(self, contact_id: str) -> Baseline:
        """Return what the contact's sequence properties say now."""


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

    async def prepared(self, enrollment: Enrollment, contact_id: str, baseline: Baseline) -> None:
        """Checkpoint `prepared`. Raises FenceLost."""


class Preparing:
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
        tell: Callable[[Told], None],
    ) -> None:
        self._record = record
        self._hubspot = hubspot
        self._admitter = admitter
        self._senders = senders
        self._bridging = bridging
        self._now = now
        self._tell = tell

    async def prepare(self, attempt: Attempt) -> bool:
        """Have the contact and its baseline; tell whether an earlier request turns out to have worked after all.

        Raises HeldError, DeclinedError, ParkedError, FenceLost, and what HubSpot raises.
        """
        enrollment = attempt.enrollment
        await self._admitter.admit(enrollment)
        asks_owner = enrollment.plan.sender == CONTACT_OWNER
        if not asks_owner:
            await self.assign(attempt)
            self._require_open(attempt, asked=False)
        contact_id = await self._hubspot.upsert(enrollment.email, enrollment.properties)
        baseline = await self._look(attempt, contact_id)
        if self._happened(attempt, baseline):
            attempt.enrollment = replace(enrollment, contact_id=contact_id)
            return True
        if asks_owner:
            await self.assign(attempt)
        self._require_open(attempt, asked=True)
        await self._require_free(attempt, contact_id)
        await self._complete(attempt)
        await self._prepared(attempt, contact_id, baseline)
        return False

    async def update(self, enrollment: Enrollment) -> str:
        """Write the contact and nothing else; return its id.

        Raises DeclinedError for whoever is suppressed, or lacks what the rule requires.
        """
        await self._admitter.admit(enrollment)
        contact_id = await self._hubspot.upsert(enrollment.email, enrollment.properties)
        if enrollment.require:
            facts = await self._hubspot.read(contact_id, enrollment.require)
            await self._complete(Attempt(enrollment, dict(facts)))
        return contact_id

    async def replace(self, enrollment: Enrollment) -> None:
        """Have the contact out of the sequence that HubSpot says it is in. Raises HeldError, or ParkedError."""
        await self._bridging.free(enrollment, enrollment.contact_id or "", told=True)

    async def assign(self, attempt: Attempt) -> None:
        """Choose who sends, again where that was done."""
        sender = await self._senders.assign(attempt.enrollment, attempt.facts)
        attempt.enrollment = replace(attempt.enrollment, sender=sender, step=Step.ASSIGNED)
        self._step(attempt.enrollment, "assigned")

    def known(self, sender: Sender) -> Sender:
        """Return the sender as the rules in force describe it: its cap and its time zone."""
        return self._senders.known(sender)

    async def _look(self, attempt: Attempt, contact_id: str) -> Baseline:
        """Read the contact's facts and baseline: asked for at the same time, so that both travel in one call."""
        names = (*attempt.enrollment.require, *_facts_for(attempt.enrollment.plan))
        if not names:
            return await self._hubspot.baseline(contact_id)
        facts, baseline = await asyncio.gather(
            self._hubspot.read(contact_id, names), self._hubspot.baseline(contact_id)
        )
        attempt.facts = dict(facts)
        return baseline

    def _happened(self, attempt: Attempt, fresh: Baseline) -> bool:
        """Say, before a re-send, whether the contact shows that the first request worked: its properties may lag so."""
        enrollment = attempt.enrollment
        since = enrollment.first_sending_at
        if since is None or enrollment.triggered_at is not None:
            return False  # whoever is taken out of another sequence was not put into ours
        late = compare(enrollment.baseline, fresh, None, wanted=enrollment.sequence, sending_at=since)
        if late is Reading.CONTRADICTORY and enrollment.resends:
            raise UnsettledError
        return late is Reading.HAPPENED

    def _require_open(self, attempt: Attempt, *, asked: bool) -> None:
        """Raise HeldError while the rule's window is closed. `asked` tells whether the contact's facts are known."""
        timing, enrollment = attempt.enrollment.plan.timing, attempt.enrollment
        if timing is None or (timing.zone == OF_CONTACT and not asked):
            return
        sender = self._senders.known(assigned(enrollment))
        require_open(timing, sender, attempt.facts, identity=enrollment.id, now=self._now())

    async def _require_free(self, attempt: Attempt, contact_id: str) -> None:
        """Raise HeldError for somebody who is in another sequence, where the rule says to wait or to replace it."""
        enrollment, enrolled = attempt.enrollment, attempt.facts.get(IS_ENROLLED) == "true"
        if enrollment.plan.if_enrolled is IfEnrolled.WAIT and enrolled:
            raise HeldError("already_enrolled", self._now() + LOOK_AGAIN, "the contact is in another sequence")
        if enrollment.plan.if_enrolled is not IfEnrolled.REPLACE:
            return
        # After a request without an outcome it may be ours that it is in: then HubSpot itself is asked, by sending.
        if enrollment.triggered_at or (enrolled and enrollment.first_sending_at is None):
            await self._bridging.free(enrollment, contact_id)
            attempt.freed = enrollment.triggered_at is not None
            attempt.enrollment = replace(attempt.enrollment, triggered_at=None)

    async def _complete(self, attempt: Attempt) -> None:
        """Fill what is required and empty with its default, and give the contact its owner: in one write, if any."""
        enrollment, facts = attempt.enrollment, attempt.facts
        plan, defaults = enrollment.plan, dict(enrollment.plan.defaults)
        empty = [name for name in enrollment.require if not (facts.get(name) or "").strip()]
        missing = tuple(name for name in empty if name not in defaults)
        if missing:
            raise RequirementMissingError(missing)
        written = {name: defaults[name] for name in empty}
        if plan.owner != KEEP and (plan.overwrite_owner or not facts.get(OWNER)):
            owner = await self._senders.owner_of(plan.owner, assigned(enrollment))
            written |= {OWNER: owner} if facts.get(OWNER) != owner else {}
        if written:
            await self._hubspot.upsert(enrollment.email, written)

    async def _prepared(self, attempt: Attempt, contact_id: str, baseline: Baseline) -> None:
        await self._record.prepared(attempt.enrollment, contact_id, baseline)
        attempt.enrollment = replace(attempt.enrollment, contact_id=contact_id, baseline=baseline, step=Step.PREPARED)
        self._step(attempt.enrollment, "prepared")

    def _step(self, enrollment: Enrollment, cause: str) -> None:
        """Tell a step within `working`."""
        self._tell(Told(enrollment, State.WORKING, Change(cause)))


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
