"""Why enrollments are parked, in a sentence, and what a person does about it: HubSpot's reasons and our own. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from app.enrollments.reasons import why
from app.hubspot.api.faults import faults
from app.model import State

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
# Where the documentation has the reasons of our own.
OWN: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(("unsettled", "unreadable", "gave_up", "no_sender", "no_owner", "window_never_opens"), _STATES)
    | {"after_restore": "docs/operating.md#after-a-restore"}
    | dict.fromkeys(("unenroll_unfinished", "bridge_refused", "no_bridge", "no_outcome"), _UNENROLLING)
)


def cause_of(reason: str | None) -> Cause | None:
    """Return the cause of a reason, None for one that neither table has."""
    fault = faults().get(reason or "")
    if reason is None or not (fault or reason in OWN):
        return None
    clause, do = why(State.PARKED, reason, name="the person")
    sentence = fault.sentence if fault else f"{clause[0].upper()}{clause[1:]}."
    return Cause(sentence, do, f"docs/faults.md#{fault.anchor}" if fault else OWN[reason])
