"""How a contact tells what became of its sequences: read a hundred at a time, or found by when they ended.

Properties by HubSpot's names; what they mean beyond their names is from field notes, not from its documentation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.errors import HubSpotError, Refusal
from app.followup.ends import Seen
from app.hubspot.api.replies import identifier, instant
from app.hubspot.api.sequences import NOT_FOUND

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from app.hubspot.api.contacts import Contact
    from app.hubspot.api.search import FoundPage
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
# One search asks for all of them. Whether HubSpot sets the first of them at every end is not documented, so the two
# that name a kind of end stand beside it.
DATES = (ENDED, FINISHED, UNENROLLED, REPLIED)
TRUTHS = {"true": True, "false": False}


class HubSpotEnds:
    """What following asks of one account. Every method raises NotSent, OutcomeUnknown, Refusal, or what pacing raises.

    Each costs one call and no more. Reads do not share the calls of enrolling, which have one in flight at a time and
    would have to wait for these.
    """

    def __init__(self, client: HubSpotClient) -> None:
        self._client = client

    async def read(self, contact_ids: Sequence[str]) -> dict[str, Seen | None]:
        """Return what up to 100 contacts show: None for one that is gone, nothing for one that HubSpot refuses to tell.

        Of whom its answer does not speak is left out.
        """
        found = await self._client.read_contacts(contact_ids, NAMES)
        return {key: _shown(told) for key, told in found.items()}

    async def changed(self, since: datetime, until: datetime, beyond: str | None) -> FoundPage:
        """Return a page of the contacts whose latest sequence ended, or who replied, between two instants."""
        return await self._client.contacts_between(DATES, since, until, beyond)


def _shown(told: Contact | HubSpotError) -> Seen | None:
    if isinstance(told, HubSpotError):
        return None if is_gone(told) else Seen()
    return seen_from(told.properties)


def is_gone(error: HubSpotError) -> bool:
    """Tell whether HubSpot says that there is no such contact."""
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
