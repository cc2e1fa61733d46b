"""One sequence with its steps, and whether one person is in a sequence: read from HubSpot now, never cached."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from app.catalogue.rows import clock, own_user
from app.errors import HubSpotError, OutcomeUnknown, Refusal
from app.hubspot.api.contacts import read_contacts
from app.hubspot.api.details import running_enrollment, sequence_details
from app.hubspot.api.replies import count, instant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.catalogue.rows import Row
    from app.hubspot.api.contacts import Contact
    from app.hubspot.api.details import RunningEnrollment, SequenceDetails
    from app.hubspot.client import HubSpotClient

# A sequence that a user does not see, that is not there, or a user that HubSpot refuses: another sender may see it.
OF_ONE_USER = frozenset({400, 403, 404})
NOT_FOUND = "OBJECT_NOT_FOUND"
IS_ENROLLED = "hs_sequences_is_enrolled"
COUNT = "hs_sequences_enrolled_count"
LATEST = "hs_latest_sequence_enrolled"
# What a contact holds about its latest sequence, by any user: our name of each instant, and HubSpot's.
TIMES = {
    "enrolled_at": "hs_latest_sequence_enrolled_date",
    "ended_at": "hs_latest_sequence_ended_date",
    "finished_at": "hs_latest_sequence_finished_date",
    "unenrolled_at": "hs_latest_sequence_unenrolled_date",
}


async def live_sequence(client: HubSpotClient, users: Mapping[str, str], sequence: str) -> Row:
    """Return one sequence with its steps, as the first of `users` (user id to name) that sees it.

    Without users the token's own user is asked. Where no user sees it, this raises the refusal that says so, else the
    first one. It raises StartError where no user is known, and what the client raises.
    """
    chosen = users or await own_user(client)
    refused: Refusal | None = None
    for user_id, name in chosen.items():
        try:
            details = await client.send(sequence_details(user_id, sequence))
        except Refusal as refusal:
            if refusal.status not in OF_ONE_USER or refusal.code == "MISSING_SCOPES":
                raise
            refused = refusal if refused is None or refusal.code == NOT_FOUND else refused
        else:
            return _sequence_row(details, name)
    raise refused or OutcomeUnknown("no user was asked")


async def live_enrollment(client: HubSpotClient, email: str) -> Row:
    """Return what HubSpot says now of the person with this address: its contact, and the sequence that it is in.

    Raises what the client raises.
    """
    contact = await _contact(client, email)
    running = await client.send(running_enrollment(contact.id)) if contact else None
    shown = contact.properties if contact else {}
    latest = {name: instant(shown.get(of)) for name, of in TIMES.items()} | {"sequence": shown.get(LATEST)}
    enrolled = running is not None or shown.get(IS_ENROLLED) == "true"
    return {
        "contact_id": contact.id if contact else None,
        "enrolled": enrolled,
        "detail": _detail(contact, running, enrolled=enrolled),
        "enrollment": _plain(asdict(running)) if running else None,
        "latest": _plain(latest) if shown.get(LATEST) else None,
        "enrollments": count(int(number)) if (number := shown.get(COUNT) or "").isdecimal() else None,
    }


async def _contact(client: HubSpotClient, email: str) -> Contact | None:
    """Return the contact, which a secondary address finds, too; None where HubSpot has none."""
    names = (IS_ENROLLED, COUNT, LATEST, *TIMES.values())
    found = (await client.send(read_contacts([email], names, by="email"))).get(email)
    if isinstance(found, Refusal) and found.code == NOT_FOUND:
        return None
    if isinstance(found, HubSpotError):
        raise found
    if found is None:
        raise OutcomeUnknown("HubSpot's answer says nothing of the contact")
    return found


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values with instants as text, for JSON."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def _detail(contact: Contact | None, running: RunningEnrollment | None, *, enrolled: bool) -> str:
    if contact is None:
        return "not enrolled: HubSpot has no contact with this address"
    if running is not None:
        name = running.sequence_name or running.sequence
        return f"in the sequence {name!r} since {running.enrolled_at:%Y-%m-%d %H:%M} UTC"
    if enrolled:
        return f"in a sequence by {IS_ENROLLED}, which HubSpot does not show: a colleague may have enrolled the contact"
    return "not enrolled"


def _sequence_row(details: SequenceDetails, seen_by: str) -> dict[str, Any]:
    sequence, settings = details.sequence, details.settings
    return {
        "id": sequence.id,
        "name": sequence.name,
        "owner": sequence.user_id,
        "sends": f"{clock(settings.opens_minute)}-{clock(settings.closes_minute)}",
        "follow_up_days": settings.days,
        "edited_at": sequence.updated_at.isoformat() if sequence.updated_at else None,
        "seen_by": seen_by,
        "steps": [asdict(step) for step in details.steps],
    }
