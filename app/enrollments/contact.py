"""The contact of an enrollment in HubSpot: written with the rule's properties once, and read with its baseline."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.enrollments.fitting import describe
from app.enrollments.unenroll import IS_ENROLLED
from app.enrollments.work_item import WorkItem
from app.errors import DeclinedError, Refusal
from app.model import CONTACT_OWNER, KEEP, OF_CONTACT, IfEnrolled
from app.people import identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from app.enrollments.fitting import PropertyFitter
    from app.enrollments.store import EnrollmentStore
    from app.hubspot.batched import BatchedHubSpot
    from app.model import Baseline, DroppedProperty, Enrollment, Plan
    from app.people.identity import Person

OWNER = "hubspot_owner_id"
NOT_FOUND = "OBJECT_NOT_FOUND"


@dataclass(frozen=True, slots=True)
class ContactWriter:
    """Writes and reads contacts. Every method raises what `BatchedHubSpot` raises, and FenceLost where it writes.

    A method that writes raises PropertyNotTaken where a property must be corrected first. `observe_dropped` receives
    each write-back property that HubSpot refuses.
    """

    store: EnrollmentStore
    hubspot: BatchedHubSpot
    fitter: PropertyFitter
    observe_dropped: Callable[[Enrollment, DroppedProperty], None]

    async def ensure(self, item: WorkItem) -> Baseline:
        """Write the contact unless an earlier attempt has written it; read its facts and baseline.

        The rule's properties are written once: while an enrollment waits, a person may correct them in HubSpot. A
        contact that was deleted meanwhile is created anew.
        """
        if item.enrollment.contact_id is not None:
            try:
                return await self._read(item, item.enrollment.contact_id)
            except Refusal as refusal:
                if refusal.code != NOT_FOUND:
                    raise
        contact_id = await self.write(item.enrollment)
        item.enrollment = replace(item.enrollment, contact_id=contact_id)
        return await self._read(item, contact_id)

    async def write(self, enrollment: Enrollment) -> str:
        """Write the rule's properties and the write-backs; return the contact's id.

        A value that does not fit its property, and a write-back that HubSpot refuses, end no enrollment: the journal
        says what the contact was written without.
        """
        back = {name for _, name in enrollment.plan.write_back}
        fitted = await self.fitter.fit({name: v for name, v in enrollment.properties.items() if name not in back})
        write_backs = {name: str(value) for name, value in enrollment.properties.items() if name in back}
        written = await self.hubspot.write(enrollment.email, fitted.written | write_backs, enrollment.plan.write_back)
        if fitted.misfits:
            await self.store.remark(enrollment, "property_not_written", describe(fitted))
        if written.dropped:
            await self.store.remark(enrollment, "write_back_dropped", _describe(written.dropped))
        for dropped in written.dropped:
            self.observe_dropped(enrollment, dropped)
        return written.id

    async def add(self, enrollment: Enrollment, properties: Mapping[str, str]) -> None:
        """Write further properties in one write, if there are any."""
        if properties:
            await self.hubspot.write(enrollment.email, properties)

    async def missing_defaults(self, item: WorkItem) -> dict[str, str]:
        """Return the defaults of required properties that are empty, as HubSpot takes them.

        Raises RequirementMissing where one has no default.
        """
        return await self.fitter.fit_defaults(missing_defaults(item))

    async def fill_required(self, enrollment: Enrollment, contact_id: str) -> None:
        """Write the defaults of required properties that are empty. Raises as `missing_defaults` does."""
        if enrollment.require:
            facts = await self.hubspot.read(contact_id, enrollment.require)
            await self.add(enrollment, await self.missing_defaults(WorkItem(enrollment, dict(facts))))

    async def identify(self, enrollment: Enrollment, contact_id: str) -> Person:
        """Read who the contact is."""
        return identity.person_of(
            enrollment.email, contact_id, await self.hubspot.read(contact_id, identity.PROPERTIES)
        )

    async def _read(self, item: WorkItem, contact_id: str) -> Baseline:
        """Read who the contact is, its facts and its baseline in one request, which takes one place in a batch call."""
        names = (*item.enrollment.require, *_properties_to_read(item.enrollment.plan), *identity.PROPERTIES)
        facts, baseline = await self.hubspot.look(contact_id, names)
        item.facts = dict(facts)
        item.person = identity.person_of(item.enrollment.email, contact_id, facts)
        item.enrollment = replace(item.enrollment, contact_id=item.person.contact_id)
        return baseline


def missing_defaults(item: WorkItem) -> dict[str, str]:
    """Return the defaults of required properties that are empty.

    Raises DeclinedError where one has none, so that no "Hi ," is ever sent.
    """
    defaults = dict(item.enrollment.plan.defaults)
    empty = [name for name in item.enrollment.require if not (item.facts.get(name) or "").strip()]
    if missing := [name for name in empty if name not in defaults]:
        raise DeclinedError("missing_property", f"the contact has no {', '.join(missing)}")
    return {name: defaults[name] for name in empty}


def _properties_to_read(plan: Plan) -> tuple[str, ...]:
    """Return the contact properties that the plan depends on."""
    owner = (OWNER,) if plan.sender == CONTACT_OWNER or plan.owner != KEEP else ()
    clock = (plan.timing.contact_property,) if plan.timing and plan.timing.zone == OF_CONTACT else ()
    enrolled = (IS_ENROLLED,) if plan.if_enrolled is not IfEnrolled.SKIP else ()
    return (*owner, *clock, *enrolled)


def _describe(dropped: Iterable[DroppedProperty]) -> str:
    """Say which properties were left out, why, and what to do."""
    message = "; ".join(f"{one.name} was not written: {one.problem}" for one in dropped)
    return f"{message}; create or mend it in HubSpot, or name another one in the account's `write_back`"
