"""What happens to contacts without any request of Segue's: colleagues, replies, bookings, opt-outs, bounces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.sandbox.control.errors import Mistaken, object_of, person_of
from app.sandbox.state.contacts import stamp

if TYPE_CHECKING:
    from app.sandbox.state.account import State
    from app.sandbox.state.accounts import Portals

# The reason does not stand on a contact: only what finished has another date than what was broken off.
HAPPENINGS = frozenset({"reply", "meeting", "opt_out", "bounce", "unenroll", "finish", "delete"})
REFUSED_FROM_NOW_ON = {"opt_out": "UNSUBSCRIBED", "bounce": "RECIPIENT_PREVIOUSLY_BOUNCED"}
ONLY_RUNNING = frozenset({"unenroll", "finish"})
CONFLICT = 409


def enroll_elsewhere(_: Portals, state: State, told: Any) -> dict[str, str]:
    """Enroll a contact by a colleague's hand, so that the status route does not show it."""
    named = object_of(told)
    person = person_of(state, named)
    plan = state.sequences.get(str(named.get("sequence", "")))
    if plan is None:
        raise Mistaken("no such sequence", 404)
    return {"id": state.begin(person, plan, user_id="elsewhere", sender="somebody@acme.example").id}


def happen(_: Portals, state: State, told: Any) -> dict[str, str | None]:
    """Let something happen to a contact; tell which enrollment it ended."""
    named = object_of(told)
    what = named.get("what")
    if not isinstance(what, str) or what not in HAPPENINGS:
        raise Mistaken(f"what must be one of {', '.join(sorted(HAPPENINGS))}")
    person, now, lag = person_of(state, named), state.clock(), state.settings.property_lag
    running = person.running
    if running is None and what in ONLY_RUNNING:
        raise Mistaken("the contact is in no sequence", CONFLICT)
    person.end(now, finished=what == "finish", lag=lag)
    person.refusal = REFUSED_FROM_NOW_ON.get(what, person.refusal)
    if what == "opt_out":
        person.later(now + lag, {"hs_email_optout": "true"})
    if what == "delete":
        state.delete(person)
    if what == "reply":
        person.later(now + lag, {"hs_sales_email_last_replied": stamp(now)})
    return {"ended": running.id if running is not None else None}
