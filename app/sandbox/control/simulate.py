"""Simulated events of contacts that no request of Segue's causes: colleagues, replies, bookings, opt-outs, bounces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.sandbox.control.errors import InvalidControlRequest, contact_of, object_of
from app.sandbox.state.contacts import stamp

if TYPE_CHECKING:
    from app.sandbox.state.account import Account
    from app.sandbox.state.accounts import Accounts

# A contact does not hold the reason: only "finish" sets another date than an end before the last step.
EVENTS = frozenset({"reply", "meeting", "opt_out", "bounce", "unenroll", "finish", "delete"})
REFUSED_FROM_NOW_ON = {"opt_out": "UNSUBSCRIBED", "bounce": "RECIPIENT_PREVIOUSLY_BOUNCED"}
NEED_AN_ENROLLMENT = frozenset({"unenroll", "finish"})
CONFLICT = 409


def enroll_elsewhere(_: Accounts, account: Account, body: Any) -> dict[str, str]:
    """Enroll a contact as a colleague does in HubSpot, so that the status route does not show it."""
    fields = object_of(body)
    contact = contact_of(account, fields)
    sequence = account.sequences.get(str(fields.get("sequence", "")))
    if sequence is None:
        raise InvalidControlRequest("no such sequence", 404)
    return {"id": account.enroll(contact, sequence, user_id="elsewhere", sender="somebody@acme.example").id}


def contact_event(_: Accounts, account: Account, body: Any) -> dict[str, str | None]:
    """Simulate one event of a contact; return the id of the enrollment that it ended."""
    fields = object_of(body)
    what = fields.get("what")
    if not isinstance(what, str) or what not in EVENTS:
        raise InvalidControlRequest(f"what must be one of {', '.join(sorted(EVENTS))}")
    contact, now, lag = contact_of(account, fields), account.clock(), account.settings.property_lag
    enrollment = contact.enrollment
    if enrollment is None and what in NEED_AN_ENROLLMENT:
        raise InvalidControlRequest("the contact is in no sequence", CONFLICT)
    contact.end(now, finished=what == "finish", lag=lag)
    contact.refusal = REFUSED_FROM_NOW_ON.get(what, contact.refusal)
    if what == "opt_out":
        contact.schedule(now + lag, {"hs_email_optout": "true"})
    if what == "delete":
        account.delete(contact)
    if what == "reply":
        contact.schedule(now + lag, {"hs_sales_email_last_replied": stamp(now)})
    return {"ended": enrollment.id if enrollment is not None else None}
