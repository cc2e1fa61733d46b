"""Why an enrollment is where it is: a clause and a remedy for each reason, Segue's own and HubSpot's. Pure.

`{name}` stands for the person.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from app.hubspot.api.faults import faults
from app.model import State

if TYPE_CHECKING:
    from collections.abc import Mapping


class Why(NamedTuple):
    """Why something did not happen, as it stands after a colon, and what a person can do about it."""

    clause: str
    do: str = ""


GOES_ON = "Nothing has to be done: Segue goes on by itself."
AGAIN = "decide the event again"
UNKNOWN = "HubSpot gave a reason that Segue does not know"
LOOK = "Look at the contact of {name} in HubSpot, then release or cancel the enrollment."
_LOWERED = frozenset({"A", "An", "It", "Its", "No", "Nothing", "Of", "The", "This", "Too"})
# With these it is not known whether the request worked.
OPEN = frozenset({"after_restore", "no_outcome", "unreadable", "unsettled"})

# Reasons of Segue's own. HubSpot's codes are in the table of faults.
REASONS: Mapping[str, Why] = MappingProxyType(
    {
        # waiting
        "already_enrolled": Why(
            "{name} is in another sequence, HubSpot allows one at a time, and the rule says to wait for its end",
            GOES_ON,
        ),
        "unenrolling": Why("a workflow is taking {name} out of another sequence, which takes minutes", GOES_ON),
        "other_enrollment": Why("another enrollment of {name} goes first", GOES_ON),
        "sender_paused": Why("the sender is paused", "Solve what the pause is for, then resume the sender."),
        "quota": Why("the sender has no place left in these 24 hours", GOES_ON),
        "window": Why("the sending window of the rule is closed", GOES_ON),
        "daily_budget": Why("the HubSpot account has used up its requests of the day", GOES_ON),
        "account_not_connected": Why(
            "the HubSpot account is not connected", "Connect the account; what waits for it goes on by itself."
        ),
        "delay": Why("the rule says to wait first", GOES_ON),
        "store_slow": Why("the database answered too slowly for a request to leave in time", GOES_ON),
        "hubspot_not_reached": Why("HubSpot was not reached", GOES_ON),
        "hubspot_no_answer": Why("HubSpot did not answer", GOES_ON),
        "failed": Why("an attempt failed", GOES_ON),
        # refused
        "forgotten": Why("the person was forgotten on request"),
        "suppressed": Why(
            "{name} is among those who are never enrolled",
            f"Where this is a mistake, take the entry out of the suppressions and {AGAIN}.",
        ),
        "left_since": Why("{name} has left since the event came", "Nothing has to be done: the rules say so."),
        "person_cap": Why(
            "{name} has been enrolled as often as the account allows", "Nothing has to be done: the cap says so."
        ),
        "missing_property": Why(
            "the contact lacks a property that the rule requires",
            f"Fill the property in HubSpot, or give it a default in the rule, then {AGAIN}.",
        ),
        "duplicate": Why(
            "HubSpot has one contact for two addresses of {name}, and another enrollment of that contact has the same "
            "intent",
            "Nothing has to be done: one of the two stands.",
        ),
        "sender_full": Why(
            "each sender that the rule names had used up the 24 hours, and the rule says not to wait",
            f"Name more senders in the rule, or let it wait (`on_sender_full: defer`), then {AGAIN}.",
        ),
        # parked
        "unenroll_unfinished": Why(
            "the workflow that takes contacts out of sequences has not taken {name} out of one",
            "Look whether the workflow is on and lets contacts in again, then release the enrollment.",
        ),
        "no_bridge": Why(
            "the account has no `unenroll:`, which says how contacts are taken out of sequences",
            "Write `unenroll:` for the account in the rules, then release the enrollment.",
        ),
        "bridge_refused": Why(
            "HubSpot refuses what takes contacts out of sequences",
            "Correct the account's `unenroll:`, or what it names in HubSpot, then release the enrollment.",
        ),
        "no_owner": Why(
            "the user whom the rule makes the owner is no owner in HubSpot",
            "Correct the sender's `user_id`, or make the user an owner in HubSpot, then release the enrollment.",
        ),
        "no_sender": Why(
            "none of the senders that the rule names can be used",
            "Correct the senders in the rules, or the contact's owner in HubSpot, then release the enrollment.",
        ),
        "window_never_opens": Why(
            "the sending window of the rule does not open again",
            "Correct the window in the rules, then release the enrollment as the rules say now.",
        ),
        "unsettled": Why(
            "an answer of HubSpot was lost, and HubSpot does not show clearly what became of the request",
            "Look at the sequences of {name} in HubSpot: cancel the enrollment where the contact is in the sequence, "
            "release it where the contact is not.",
        ),
        "unreadable": Why(
            "an answer of HubSpot was lost, and what became of the request could not be read",
            "Solve what kept HubSpot from being read, then release the enrollment: HubSpot is read before anything is "
            "sent.",
        ),
        "gave_up": Why(
            "each attempt failed, for as long as Segue tries",
            "Solve what the last attempt failed for, then release the enrollment.",
        ),
        # over
        "expired": Why("its time was over before it could be sent", f"Where it is still wanted, {AGAIN}."),
        "by_rule": Why("another rule cancelled it"),
        "by_operator": Why("an operator cancelled it"),
        "replaced": Why("its event was decided again, and another enrollment took its place"),
    }
)

# Reasons that say something else in one state than in the others.
IN_STATE: Mapping[tuple[State, str], Why] = MappingProxyType(
    {
        (State.HELD, "after_restore"): Why(
            "the database was restored, and HubSpot is read once it shows what was sent before", GOES_ON
        ),
        (State.PARKED, "after_restore"): Why(
            "the database was restored, and HubSpot does not tell whether this was done before",
            "Look at the contact of {name} in HubSpot, then cancel the enrollment, or release it to do it.",
        ),
        (State.UNCERTAIN, "no_outcome"): Why("HubSpot's answer to the request was lost", GOES_ON),
        (State.PARKED, "no_outcome"): Why(
            "HubSpot's answer was lost, and HubSpot does not show who is in a workflow",
            "Look in HubSpot whether {name} is in the workflow: cancel the enrollment where the contact is, release it "
            "where the contact is not.",
        ),
        (State.UNCERTAIN, "ALREADY_ENROLLED"): Why(
            "HubSpot says that the contact is in a sequence already, and does not show yet whether by this enrollment",
            GOES_ON,
        ),
    }
)


def as_clause(sentence: str) -> str:
    """Return a sentence as it stands after a colon: without its full stop, and its first letter small."""
    text = sentence.strip().removesuffix(".")
    first, _, rest = text.partition(" ")
    return f"{first.lower()} {rest}" if first in _LOWERED else text


def why(state: State, reason: str, *, name: str) -> Why:
    """Return the clause and the remedy of a reason, for this person. A code that nothing knows is said to be one."""
    found = IN_STATE.get((state, reason)) or REASONS.get(reason) or _of_hubspot(state, reason)
    return Why(found.clause.replace("{name}", name), found.do.replace("{name}", name))


def _of_hubspot(state: State, code: str) -> Why:
    fault = faults().get(code)
    if fault is None:
        return Why(f"{UNKNOWN} (HubSpot's word for it: {code})", LOOK if state is State.PARKED else "")
    return Why(as_clause(fault.sentence), GOES_ON if state in {State.READY, State.HELD} else fault.do)
