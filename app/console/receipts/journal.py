"""One line of an enrollment's journal, as a sentence. Pure."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from app.masking import masked_text

if TYPE_CHECKING:
    from collections.abc import Mapping

# By cause, in the order of an enrollment's life.
CAUSES: Mapping[str, str] = MappingProxyType(
    {
        "accepted": "accepted: its event was decided and stored",
        "claimed": "a worker took it up",
        "assigned": "a sender was chosen",
        "prepared": "the contact was prepared in HubSpot",
        "sending": "the request to enroll was about to leave",
        "enrolled": "HubSpot said yes",
        "settled_enrolled": "HubSpot shows the enrollment, whose answer was lost: it worked",
        "already_enrolled_by_us": "HubSpot shows that an earlier request of this enrollment worked",
        "found_before_resend": "HubSpot shows that the first request worked, before it was sent again",
        "found_after_restore": "HubSpot shows that it was sent before the database was restored",
        "property_not_written": "a property was not written to the contact",
        "write_back_dropped": "a property that says why the contact was enrolled was not written",
        "refused": "refused for good",
        "parked": "parked: a person must look",
        "gave_up": "parked: it was tried for as long as Segue tries",
        "held": "held until later",
        "other_enrollment": "held: another enrollment of the same person goes first",
        "other_enrollment_ended": "ready again: the other enrollment of the same person has ended",
        "due": "ready again: its time has come",
        "account_connected": "ready again: the HubSpot account was connected",
        "retry": "an attempt failed, and is repeated later",
        "sender_refused": "HubSpot refused the sender, and another one is chosen",
        "sender_full": "the sender has used up the 24 hours, and another one is chosen",
        "sender_gone": "the sender became full or paused, and another one is chosen",
        "uncertain": "HubSpot's answer was lost: reading HubSpot shows what became of it",
        "read": "HubSpot was read to learn what became of the request",
        "read_failed": "HubSpot could not be read; it is read again later",
        "resend": "HubSpot never processed the request: it is sent again",
        "lease_expired": "its worker was gone or late, and another one goes on",
        "triggered": "a workflow that takes the contact out of its sequence was started",
        "untriggered": "the workflow that takes the contact out of its sequence is over",
        "released_by_operator": "released by an operator",
        "cancelled_by_operator": "cancelled by an operator",
        "cancelled_by_rule": "cancelled by another rule",
        "replaced": "cancelled: its event was decided again, and another enrollment took its place",
        "forgotten": "cancelled: the person was forgotten",
        "expired": "expired: its time was over before it could be sent",
        "cancel": "done: what waited for the person was cancelled",
        "unenroll": "done: the contact is in no sequence",
        "update": "done: the contact was updated",
        "note": "done: a note was written on the contact",
        "workflow": "done: the contact was put into the workflow",
        "ended": "the sequence has ended",
        "replied": "a reply was found",
        "follow_given_up": "not followed any more: HubSpot showed no end for too long",
    }
)
UNKNOWN = "a step that this version of Segue has no sentence for ({cause})"


def line_sentence(cause: str, detail: str | None, *, by: str | None = None) -> str:
    """Return the sentence of a line; `by` is who did it, where that is known, and takes the place of `another rule`."""
    said = CAUSES.get(cause) or UNKNOWN.replace("{cause}", cause)
    if by is not None:
        said = f"{said.partition(' by ')[0]} by {by}"
    shown = masked_text(detail or "") if cause != "cancelled_by_rule" else ""  # an id, which `by` names in words
    return f"{said}: {shown}" if shown else said
