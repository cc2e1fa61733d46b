"""`note`: write the contact, and a note on its timeline, dated when the delivery came.

A request whose answer is lost is sent again, so that such a note may stand there twice: HubSpot's call has no key that
would tell the two apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.enrollments.actions.base import Action
from app.hubspot.api import notes

if TYPE_CHECKING:
    from app.enrollments.actions.base import Tools
    from app.model import Enrollment


async def perform(enrollment: Enrollment, tools: Tools) -> str:
    """Write the contact and its note."""
    contact_id = await tools.preparer.update(enrollment)
    note_id = await tools.client.send(notes.create(contact_id, enrollment.plan.target, enrollment.received_at))
    return f"note {note_id} was written on contact {contact_id}"


ACTION = Action(perform)
