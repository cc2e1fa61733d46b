"""What contacts show of their sequences: read a hundred at a time, or found by the date of an end.

Properties have HubSpot's names; what they mean beyond their names is from field notes, not from its documentation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.errors import HubSpotError, Refusal
from app.followup.ends import Seen
from app.hubspot.api.call import NOT_FOUND
from app.hubspot.api.contacts import read_contacts
from app.hubspot.api.replies import identifier, instant
from app.hubspot.api.search import contacts_between

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from app.hubspot.api.call import Page
    from app.hubspot.api.contacts import Contact
    from app.hubspot.client import HubSpotClient

ENROLLED = "hs_sequences_is_enrolled"
LATEST = "hs_latest_sequence_enrolled"
SINCE = "hs_latest_sequence_enrolled_date"
ENDED = "hs_latest_sequence_ended_date"
FINISHED = "hs_latest_sequence_finished_date"
UNENROLLED = "hs_latest_sequence_unenrolled_date"
REPLIED = "hs_sales_email_last_replied"
OPTED_OUT = "hs_email_optout"
NAMES = (ENROLLED, LATEST, SINCE, ENDED, FINISHED, UNENROLLED, REPLIED, OPTED_OUT)
# One search covers all of them. It is not documented whether HubSpot sets the first at every end, so the two that name
# a kind of end are included.
DATES = (ENDED, FINISHED, UNENROLLED, REPLIED)
TRUTHS = {"true": True, "false": False}


class HubSpotEnds:
    """Reads the ends of sequences in one account. Every method raises what `HubSpotClient.send` raises.

    Each method costs exactly one call. Reads do not share the calls of enrolling, of which one is in flight at a time:
    enrollments would wait for these reads.
    """

    def __init__(self, client: HubSpotClient) -> None:
        self._client = client

    async def read(self, contact_ids: Sequence[str]) -> dict[str, Seen | None]:
        """Return what up to 100 contacts show: None for a deleted one, an empty `Seen` for one that HubSpot refuses.

        Contacts that its answer does not mention are left out.
        """
        found = await self._client.send(read_contacts(contact_ids, NAMES))
        return {key: _shown(answer) for key, answer in found.items()}

    async def changed(self, since: datetime, until: datetime, beyond: str | None) -> Page[str]:
        """Return a page of the contacts that left their latest sequence or replied between two instants."""
        return await self._client.send(contacts_between(DATES, since, until, beyond))


def _shown(answer: Contact | HubSpotError) -> Seen | None:
    if isinstance(answer, HubSpotError):
        return None if is_gone(answer) else Seen()
    return seen_from(answer.properties)


def is_gone(error: HubSpotError) -> bool:
    """Return whether HubSpot says that there is no such contact."""
    return isinstance(error, Refusal) and (error.status == NOT_FOUND or error.code == "OBJECT_NOT_FOUND")


def seen_from(properties: Mapping[str, str | None]) -> Seen:
    """Read a contact's properties; one that is absent or cannot be read is None."""
    since, ended, finished, unenrolled, replied = (
        instant(properties.get(name)) for name in (SINCE, ENDED, FINISHED, UNENROLLED, REPLIED)
    )
    return Seen(
        enrolled=TRUTHS.get((properties.get(ENROLLED) or "").lower()),
        latest=identifier(properties.get(LATEST)),
        since=since,
        ended=ended,
        finished=finished,
        unenrolled=unenrolled,
        replied=replied,
        opted_out=(properties.get(OPTED_OUT) or "").lower() == "true",
    )
