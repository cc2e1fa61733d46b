"""Why enrollments are parked, in a sentence, and what a person does about it: HubSpot's reasons and our own. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from app.hubspot.api.faults import faults

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Cause:
    """What happened, and what to do; `docs` is a page of the documentation, with its heading."""

    sentence: str
    what_to_do: str
    docs: str


_STATES = "docs/operating.md#what-the-states-mean-and-what-to-do"
_UNENROLLING = "docs/operating.md#taking-contacts-out-of-sequences"
OWN: Mapping[str, Cause] = MappingProxyType(
    {
        "unsettled": Cause(
            "The answer of HubSpot to a request was lost, and the contact does not show whether it worked.",
            "Look at the contact's sequences in HubSpot; cancel it where the contact is enrolled, else release it by"
            " its id.",
            _STATES,
        ),
        "unreadable": Cause(
            "The answer of HubSpot to a request was lost, and HubSpot does not let the contact be read.",
            "Mend what `segue doctor` names, then release it: it is sent only where the contact has not changed.",
            _STATES,
        ),
        "gave_up": Cause(
            "Every try has failed, for as long as one is made (three days by default).",
            "Mend what `detail` names last, then release it.",
            _STATES,
        ),
        "no_sender": Cause(
            "The sender or the pool of its rule is in the rules no more, or the contact has no owner who can send.",
            "Give the contact an owner and release it, or name a sender in the rule and release it as the rules are"
            " now.",
            _STATES,
        ),
        "no_owner": Cause(
            "HubSpot has no owner with the user id of the sender to whom the contact was to be given.",
            "Correct `user_id` of the sender, then release it.",
            _STATES,
        ),
        "window_never_opens": Cause(
            "The window of its rule does not open again.",
            "Cancel it, or correct the window and release it as the rules are now.",
            _STATES,
        ),
        "after_restore": Cause(
            "The database was restored, and HubSpot does not tell whether this one was sent before.",
            "Look at the contact's sequences in HubSpot, then cancel it, or release it by its id.",
            "docs/operating.md#after-a-restore",
        ),
        "unenroll_unfinished": Cause(
            "The workflow that takes the contact out of its sequence has not done so in time.",
            "See whether the workflow is on and lets contacts in again, then release it.",
            _UNENROLLING,
        ),
        "bridge_refused": Cause(
            "HubSpot refuses the property that starts the workflow which takes contacts out of sequences.",
            "Create the property, or the value that it lacks, then release it.",
            _UNENROLLING,
        ),
        "no_bridge": Cause(
            "The account has no `unenroll:` in the rules any more.",
            "Write it and release the enrollment, or cancel it.",
            _UNENROLLING,
        ),
        "no_outcome": Cause(
            "The answer of HubSpot was lost when the contact was put into a workflow, and HubSpot does not tell who is"
            " in one.",
            "Look at the workflow in HubSpot, then release it by its id to ask once more, or cancel it.",
            _UNENROLLING,
        ),
    }
)


def cause_of(reason: str | None) -> Cause | None:
    """Return the cause of a reason, None for one that neither table has."""
    if reason is None:
        return None
    if (fault := faults().get(reason)) is not None:
        return Cause(fault.sentence, fault.do, f"docs/faults.md#{fault.anchor}")
    return OWN.get(reason)
