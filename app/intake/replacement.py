"""What a new decision about a stored event may replace: pure. An event never enrolls a person twice.

An enrollment that certainly was not sent, and is not under way, is replaced. Every other one stands, and a new decision
that asks for the same is a "no: duplicate" that names it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.intake.earlier import NOT_SENT
from app.intake.entries import RecordedDecision
from app.model import State, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.intake.earlier import EarlierDecision, EarlierEnrollment
    from app.model import Decision, EnrollRequest

# The person has left: a rule that cancels or unenrolls has cancelled the enrollment, or it was refused for that.
LEFT = frozenset({"by_rule", "left_since"})


@dataclass(frozen=True, slots=True)
class Replacement:
    """The new decisions, and which earlier enrollments each new one replaces if it is made: (earlier id, new id)."""

    decisions: tuple[RecordedDecision, ...]
    pairs: tuple[tuple[str, str], ...]


def replacing(decisions: Sequence[RecordedDecision], earlier: Sequence[EarlierEnrollment]) -> Replacement:
    """Return the decisions as they may be stored: what would enroll the person again is a duplicate."""
    rules = {recorded.decision.rule for recorded in decisions if recorded.decision.enroll is not None}
    stored: list[RecordedDecision] = []
    pairs: list[tuple[str, str]] = []
    for recorded in decisions:
        met = [one for one in earlier if _meets(one, recorded.decision, rules)]
        standing = next((one for one in met if not one.replaceable), None)
        stored.append(_duplicate(recorded, standing) if standing else recorded)
        if standing is None and recorded.enrollment_id is not None:
            pairs.extend((one.id, recorded.enrollment_id) for one in met)
    return Replacement(tuple(stored), tuple(pairs))


def _meets(earlier: EarlierEnrollment, decision: Decision, rules: set[str | None]) -> bool:
    """Tell whether a new decision asks for what the earlier enrollment was made for.

    That is so for the same rule, whatever it says now, and for the same intent. What a rule has made that decides the
    event no longer meets whatever does the same in the same account: the rule was renamed, or another one is first now.
    """
    request = decision.enroll
    if request is None:
        return False
    if earlier.rule == decision.rule:
        return True
    if earlier.account != request.account:
        return False
    orphan = earlier.rule not in rules and earlier.action == request.plan.action
    return orphan or earlier.intent == request.intent.name


def _duplicate(recorded: RecordedDecision, standing: EarlierEnrollment) -> RecordedDecision:
    decision = replace(recorded.decision, verdict=Verdict.DUPLICATE, reason=_standing(standing), enroll=None)
    return RecordedDecision(recorded.id, None, decision)


def _standing(one: EarlierEnrollment) -> str:
    """Say which enrollment of the event stands, and why."""
    if one.unenrolling:
        why = "a workflow that it started may still take the contact out of a sequence: decide again later"
    elif one.state in NOT_SENT:
        why = f"it is {one.state}, and may have been sent"
    else:
        why = f"it is {one.state}"
    return f"duplicate of {one.id} of the same event: {why}"


def unchanged(decisions: Sequence[RecordedDecision], latest: Sequence[EarlierDecision]) -> bool:
    """Tell whether the decisions only repeat the latest ones: nothing is asked for, by the same rules."""
    if any(recorded.decision.enroll is not None for recorded in decisions):
        return False
    new = [(one.decision.verdict, one.decision.reason, one.decision.rule, one.decision.revision) for one in decisions]
    return sorted(new, key=str) == sorted(
        ((one.verdict, one.reason, one.rule, one.revision) for one in latest), key=str
    )


def nothing_came(latest: Sequence[EarlierDecision], earlier: Sequence[EarlierEnrollment]) -> bool:
    """Tell whether an event that its tool sends again is decided again without an operator.

    That is so where all that came of it was refused or cancelled, or no rule matched, and certainly nothing was sent.
    """
    enrollments = {one.id: one for one in earlier}
    ended = [enrollments.get(one.enrollment_id or "") for one in latest]
    if not all(one.replaceable and one.state != State.PARKED and one.reason not in LEFT for one in earlier):
        return False
    if any(one is not None and one.state not in {State.REFUSED, State.CANCELLED} for one in ended):
        return False
    if any(one.verdict not in {Verdict.NONE, Verdict.IGNORE} for one in latest if one.enrollment_id is None):
        return False
    return any(ended) or any(one.verdict == Verdict.NONE for one in latest)


def of_account(decisions: Sequence[RecordedDecision], account: str) -> tuple[RecordedDecision, ...]:
    """Return the decisions without what they ask for in other accounts."""
    return tuple(one for one in decisions if _account(one.decision.enroll) in {None, account})


def _account(request: EnrollRequest | None) -> str | None:
    return request.account if request else None
