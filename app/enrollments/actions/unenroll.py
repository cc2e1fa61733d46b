"""`unenroll`: end what waits for the person, and take the contact out of the sequence that it is in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app.enrollments.actions.base import Action
from app.enrollments.after_restore import require_asked_since
from app.enrollments.conflict import require_unoccupied
from app.people import identity
from app.people.identity import Person

if TYPE_CHECKING:
    from app.enrollments.actions.base import Tools
    from app.model import Enrollment


async def perform(claimed: Enrollment, tools: Tools) -> str:
    """Cancel what waits; return when the contact is in no sequence. Raises HeldError until then, and ParkedError."""
    gaps = await tools.preparer.settled_gaps(claimed)
    count, triggered_at = await tools.store.cancel_earlier(claimed)
    person = await _find(claimed, tools)
    if person is None:
        return f"{count} that waited were cancelled; HubSpot knows no such contact"
    if person.others:
        further, triggered_at = await tools.store.cancel_earlier(claimed, person)
        count += further
    # A request of another address that is under way would put the contact into a sequence after we have looked.
    require_unoccupied(await tools.store.read_conflict(claimed, person), now=tools.unenroller.now())
    enrollment = replace(claimed, triggered_at=triggered_at)
    if gaps:
        require_asked_since(enrollment, gaps, await tools.hubspot.baseline(person.contact_id))
    await tools.unenroller.ensure_not_enrolled(enrollment, person.contact_id)
    outcome = "is in no sequence any more" if enrollment.triggered_at else "was in no sequence"
    return f"{count} that waited were cancelled; the contact {outcome}"


async def _find(enrollment: Enrollment, tools: Tools) -> Person | None:
    """Return who the contact with this address is, None where HubSpot has none.

    Once a workflow was started, the contact is known, and what waited under its other addresses was cancelled.
    """
    if enrollment.contact_id is not None:
        return Person(enrollment.contact_id, (enrollment.contact_id,))
    contact = await tools.hubspot.find(enrollment.email, identity.PROPERTIES)
    return identity.person_of(enrollment.email, contact.id, contact.properties) if contact else None


ACTION = Action(perform)
