"""Which contacts HubSpot refuses to enroll, and which senders it refuses to send for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.sandbox.errors import plain, sequence_error, validation
from app.sandbox.state.rate_limits import DAY

if TYPE_CHECKING:
    from app.sandbox.state.account import Account
    from app.sandbox.state.contacts import Contact
    from app.sandbox.state.seed import User

REFUSALS = {
    "UNSUBSCRIBED": "Contact has unsubscribed from all emails",
    "UNSUBSCRIBED_PERSONAL": "Contact has unsubscribed from one-to-one emails",
    "BOUNCED": "A previous email to this contact bounced",
    "RECIPIENT_PREVIOUSLY_BOUNCED": "A previous email to this contact bounced",
    "BLOCKED_ADDRESS": "This address is blocked",
    "BLOCKED_DOMAIN": "This domain is blocked",
    "PREVIOUSLY_MARKED_AS_SPAM": "This contact has marked an email as spam",
    "OTHER_SEND_REJECTED": "The send was rejected",
}


NO_SEAT = "The user needs an assigned Sales Hub or Service Hub seat"
NO_INBOX = "No connected inbox has the sender's address"
FORBIDDEN = 403


def require_sender(account: Account, user: User, sender: str) -> None:
    """Raise Refused for a sender without a seat or a connected inbox, or with a spent daily limit.

    The live bodies are not known. One production script expects sender problems as 400 or 403 with "connected inbox" or
    "sender" in the text (a single unverified claim), so that the setting `sender_refusals` chooses the status; a 403
    has no code.
    """
    forbids = account.settings.sender_refusals == FORBIDDEN
    if not user.seat:
        raise plain(FORBIDDEN, NO_SEAT) if forbids else validation(NO_SEAT)
    if not user.inbox or sender.lower() != user.email:
        raise plain(FORBIDDEN, NO_INBOX) if forbids else sequence_error("NO_INBOX_FOR_SENDER_ADDRESS", NO_INBOX)
    since = account.clock() - DAY
    entries = [entry for entry in account.ledger.entries if entry.processed and entry.at > since]
    sent = sum(entry.sender.lower() == sender.lower() for entry in entries)
    if sent >= account.settings.send_limit:
        raise sequence_error("SEND_LIMIT_EXCEEDED", "The sender has reached the daily send limit")


def require_alias(user: User, alias: Any) -> None:
    """Raise Refused for an alias that the user's inbox does not have. What HubSpot answers is not known."""
    if alias is not None and (not isinstance(alias, str) or alias.lower() not in user.aliases):
        raise validation("The sender alias address provided is invalid")


def require_eligible(account: Account, contact: Contact) -> None:
    """Raise Refused for a contact that opted out, bounced, or is in a sequence.

    With data privacy on, a contact needs a legal basis (seen live).
    """
    refusal = contact.refusal
    if refusal is None and account.settings.gdpr and contact.email not in account.legal_bases:
        refusal = "UNSUBSCRIBED"
    if refusal is not None:
        raise sequence_error(refusal, REFUSALS.get(refusal, refusal))
    if contact.enrollment is not None:
        raise sequence_error("ALREADY_ENROLLED", "Contact is already enrolled in a sequence")
