"""`unenroll`: end what waits for the person, and take the contact out of the sequence that it is in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app.enrollments.actions.base import Action

if TYPE_CHECKING:
    from app.enrollments.actions.base import Tools
    from app.model import Enrollment


async def perform(claimed: Enrollment, tools: Tools) -> str:
    """Cancel what waits; return when the contact is in no sequence. Raises HeldError until then."""
    count, triggered_at = await tools.store.cancel_earlier(claimed)
    enrollment, cancelled = replace(claimed, triggered_at=triggered_at), f"{count} that waited were cancelled"
    contact_id = enrollment.contact_id or await tools.hubspot.find(enrollment.email)
    if contact_id is None:
        return f"{cancelled}; HubSpot knows no such contact"
    await tools.unenroller.ensure_not_enrolled(enrollment, contact_id)
    outcome = "is in no sequence any more" if enrollment.triggered_at else "was in no sequence"
    return f"{cancelled}; the contact {outcome}"


ACTION = Action(perform)
