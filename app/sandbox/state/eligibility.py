"""Whom HubSpot refuses to enroll, and for whom it refuses to send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.sandbox.errors import sequence_error, validation
from app.sandbox.state.rate_limits import DAY

if TYPE_CHECKING:
    from app.sandbox.state.account import State
    from app.sandbox.state.contacts import Person
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


def require_sender(state: State, user: User, sender: str) -> None:
    """Refuse a sender without a seat, without a connected inbox, or whose 24 hours are spent. Live bodies not known."""
    if not user.seat:
        raise validation("The user needs an assigned Sales Hub or Service Hub seat")
    if not user.inbox or sender.lower() != user.email:
        raise sequence_error("NO_INBOX_FOR_SENDER_ADDRESS", "No connected inbox has the sender's address")
    since = state.clock() - DAY
    sent = sum(e.processed and e.sender.lower() == sender.lower() and e.at > since for e in state.ledger.entries)
    if sent >= state.settings.send_limit:
        raise sequence_error("SEND_LIMIT_EXCEEDED", "The sender has reached the daily send limit")


def require_willing(state: State, person: Person) -> None:
    """Refuse who opted out, bounced or is in a sequence; with data privacy on, who has no legal basis (seen live)."""
    refusal = person.refusal
    if refusal is None and state.settings.gdpr and person.email not in state.legal_bases:
        refusal = "UNSUBSCRIBED"
    if refusal is not None:
        raise sequence_error(refusal, REFUSALS.get(refusal, refusal))
    if person.running is not None:
        raise sequence_error("ALREADY_ENROLLED", "Contact is already enrolled in a sequence")
