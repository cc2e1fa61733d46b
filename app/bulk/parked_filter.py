"""What jobs on parked enrollments may be narrowed to, and which of them are looked at one by one. Pure."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from app.bulk.estimate import Pace
from app.bulk.filters import Allowed
from app.enrollments.operator_store import RELEASED_PER_SECOND
from app.model import NO_OUTCOME, State

if TYPE_CHECKING:
    from collections.abc import Mapping

UNSETTLED = "unsettled"
NAMES = frozenset({"reason", "rule", "sender", "source", "account", "lacks"})
TIMES = frozenset({"since", "until"})
# HubSpot may have done what was asked: each of them is looked at, and released by its id.
ONE_BY_ONE: Mapping[str, str] = MappingProxyType(
    {
        NO_OUTCOME: "HubSpot does not tell who is in a workflow: look at each of them, and release it by its id.",
        UNSETTLED: "HubSpot may have enrolled them, its answer was lost: look at each of them, and release it by its"
        " id, or cancel it.",
    }
)
RELEASABLE = Allowed(NAMES | TIMES | {"states"}, NAMES | TIMES, (State.PARKED,), (State.PARKED,), ONE_BY_ONE)
RELEASING = Pace(RELEASED_PER_SECOND, most=True)
