"""The fault table: HubSpot's code -> whose fault it is, what follows, and one sentence for people. Data, no decisions.

Sources: HubSpot's knowledge base ("A contact can't be enrolled in this sequence") for refused enrollments, its
error-handling and usage pages for the rest. docs/faults.md lists every row.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Whose(StrEnum):
    """Whose fault a refusal is."""

    CONTACT = "contact"
    SENDER = "sender"
    ACCOUNT = "account"
    US = "us"
    HUBSPOT = "hubspot"


class Next(StrEnum):
    """What follows a refusal."""

    REFUSE = "refuse"  # final: the same request would be refused again
    RETRY = "retry"  # it may go well later, by itself or once somebody has mended the account
    HOLD = "hold"  # much later: a sender's or the account's day must pass
    PARK = "park"  # a person must look
    SETTLE = "settle"  # what became of it must be read first


@dataclass(frozen=True, slots=True)
class Fault:
    """One row. `anchor` is the row's heading in docs/faults.md."""

    code: str
    fault: Whose
    next: Next
    sentence: str

    @property
    def anchor(self) -> str:
        """The fragment of the row's heading."""
        return self.code.lower()


def _rows(fault: Whose, following: Next, sentences: dict[str, str]) -> tuple[Fault, ...]:
    return tuple(Fault(code, fault, following, sentence) for code, sentence in sentences.items())


FAULTS: tuple[Fault, ...] = (
    *_rows(
        Whose.CONTACT,
        Next.REFUSE,
        {
            "ALREADY_ENROLLED": "The contact is in a sequence already; HubSpot allows one at a time.",
            "UNSUBSCRIBED": "The contact has opted out of all e-mail, or has no legal basis recorded in an account "
            "with data privacy settings switched on.",
            "UNSUBSCRIBED_PERSONAL": "The contact has opted out of one-to-one e-mail.",
            "BOUNCED": "An earlier e-mail to the contact bounced.",
            "RECIPIENT_PREVIOUSLY_BOUNCED": "An earlier e-mail to the contact bounced.",
            "RECIPIENT_PREVIOUSLY_BOUNCED_ON_PORTAL": "An earlier e-mail from this account to the contact bounced.",
            "RECIPIENT_PREVIOUSLY_BOUNCED_GLOBALLY": "An e-mail from some HubSpot account to the contact bounced.",
            "BLOCKED_ADDRESS": "HubSpot blocks the contact's e-mail address.",
            "BLOCKED_DOMAIN": "HubSpot blocks the domain of the contact's e-mail address.",
            "GLOBALLY_BLOCKED_RECIPIENT_ADDRESS": "HubSpot blocks the contact's e-mail address for everybody.",
            "GLOBALLY_BLOCKED_RECIPIENT_DOMAIN": "HubSpot blocks the domain of the contact's e-mail address for "
            "everybody.",
            "PREVIOUSLY_MARKED_AS_SPAM": "The contact marked an earlier e-mail as spam.",
            "OTHER_SEND_REJECTED": "HubSpot rejects e-mail to the contact and does not say why.",
            "CONTACT_INVALID_EMAIL_ADDRESS": "HubSpot takes the contact's e-mail address for invalid.",
            "GDPR": "The contact has no legal basis for e-mail recorded.",
        },
    ),
    *_rows(
        Whose.SENDER,
        Next.HOLD,
        {"SEND_LIMIT_EXCEEDED": "The sender has reached the send limit of the last 24 hours."},
    ),
    *_rows(
        Whose.SENDER,
        Next.PARK,
        {
            "DISCONNECTED_INBOX": "The sender's inbox is no longer connected to HubSpot.",
            "NO_INBOX_FOR_SENDER_ADDRESS": "The sender has no inbox of this address connected to HubSpot.",
        },
    ),
    *_rows(
        Whose.ACCOUNT,
        Next.RETRY,
        {
            "INVALID_AUTHENTICATION": "HubSpot does not accept the access token.",
            "EXPIRED_AUTHENTICATION": "The access token has expired.",
            "TOKEN_REFUSED": "HubSpot gives the app no access token: its client id or secret may be wrong.",
            "MISSING_SCOPES": "The access token lacks a scope that the request needs.",
            "USER_DOES_NOT_HAVE_PERMISSIONS": "The user who made the access token is gone or lacks a permission.",
            "FORBIDDEN": "HubSpot forbids the request to this access token and does not say why.",
        },
    ),
    *_rows(
        Whose.ACCOUNT,
        Next.HOLD,
        {"RATE_LIMIT_DAILY": "The account has used up its HubSpot requests of the day."},
    ),
    *_rows(
        Whose.US,
        Next.RETRY,
        {
            "RATE_LIMIT_TEN_SECONDLY": "More requests were sent in ten seconds than HubSpot allows.",
            "RATE_LIMIT_SECONDLY": "More requests were sent in one second than HubSpot allows.",
            "RATE_LIMIT": "More requests were sent than HubSpot allows.",
        },
    ),
    *_rows(
        Whose.US,
        Next.REFUSE,
        {
            "PROPERTY_DATA_IS_INVALID": "HubSpot does not take a property's value, or does not know the property.",
        },
    ),
    *_rows(
        Whose.US,
        Next.PARK,
        {
            "VALIDATION_ERROR": "HubSpot finds the request itself invalid.",
            "SEQUENCE_ID_INVALID": "HubSpot does not know a sequence of this id.",
            "OBJECT_NOT_FOUND": "HubSpot does not find what the request names: the contact, the sequence or the user.",
        },
    ),
    *_rows(
        Whose.HUBSPOT,
        Next.RETRY,
        {
            "LOCKED": "HubSpot has locked the record for a moment.",
            "MIGRATION": "HubSpot is moving the account to another data centre.",
        },
    ),
)

UNKNOWN_SENTENCE = "HubSpot gave a reason that Segue does not know; a person must look."

_BY_CODE = {fault.code: fault for fault in FAULTS}


def fault_of(code: str) -> Fault:
    """Return the row of a code. An unknown code is parked: never retried, and never blamed on the sender."""
    return _BY_CODE.get(code) or Fault(code, Whose.US, Next.PARK, UNKNOWN_SENTENCE)
