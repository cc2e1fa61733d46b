"""Notes on a contact's timeline. Sans-I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.hubspot.api.call import Call, accepted, unreadable
from app.hubspot.api.replies import identifier

if TYPE_CHECKING:
    from datetime import datetime

    from app.hubspot.api.replies import Reply

NOTE_TO_CONTACT = 202  # HubSpot's own type of this association (its associations guide)


def create(contact_id: str, body: str, at: datetime) -> Call[str]:
    """Write a note on a contact; the value is the note's id.

    `hs_timestamp` is required, and places the note on the timeline (HubSpot's notes guide).
    """
    return Call(
        route="/crm/objects/{version}/notes",
        method="POST",
        parse=_created,
        json={
            "properties": {"hs_note_body": body, "hs_timestamp": at.isoformat()},
            "associations": [
                {
                    "to": {"id": contact_id},
                    "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": NOTE_TO_CONTACT}],
                }
            ],
        },
    )


def _created(reply: Reply) -> str:
    note_id = identifier(accepted(reply).get("id"))
    if note_id is None:
        raise unreadable(reply)
    return note_id
