"""Release a parked enrollment as the rules are now: its event is decided again, for its account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.intake.redecide import Bounds
from app.model import State

if TYPE_CHECKING:
    from app.intake.decided_again import DecidedAgain
    from app.intake.redecide import Redecider


@dataclass(frozen=True, slots=True)
class ReleasedAsRulesNow:
    """The new enrollment that has replaced a parked one; None where there is none, and then `detail` says why."""

    enrollment_id: str | None
    detail: str | None


async def release_as_rules_now(redecider: Redecider, enrollment_id: str, *, by: str) -> ReleasedAsRulesNow:
    """Replace a parked enrollment by what the rules in force make of its event. Raises Busy.

    A person of whom the rules ask nothing now, or who may have been contacted, keeps the parked enrollment.
    """
    found = await redecider.enrollment(enrollment_id)
    if found is None:
        return ReleasedAsRulesNow(None, f"nothing has the id {enrollment_id[:100]!r}")
    event_id, account, state = found
    if state != State.PARKED:
        return ReleasedAsRulesNow(None, f"it is {state}")
    result = await redecider.event(event_id, by=by, bounds=Bounds(account=account, parked=enrollment_id))
    if result is None:
        return ReleasedAsRulesNow(None, "its event is not stored any more")
    if enrollment_id not in result.replaced:
        return ReleasedAsRulesNow(None, _why_not(result, account))
    return ReleasedAsRulesNow(result.replaced[enrollment_id], None)


def _why_not(result: DecidedAgain, account: str) -> str:
    if result.decisions:
        reasons = "; ".join(f"{one.verdict}: {one.reason}" for one in result.decisions)
        return f"by the rules in force its event comes to {reasons}"
    return result.detail or f"the rules in force ask for nothing in account {account!r}"
