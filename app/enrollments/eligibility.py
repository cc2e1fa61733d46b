"""Eligibility checks that need no HubSpot call: suppression lists, exits since the event, the per-person cap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.enrollments.actions import ACTIONS
from app.errors import DeclinedError
from app.model import ENROLL
from app.people.suppression import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.model import Enrollment
    from app.people.suppression import Suppression
    from app.people.suppression_store import SuppressionStore
    from app.rules.rulebook import Rulebook


class Eligibility:
    """Checks an enrollment against the rules' suppressions, the operators' list, exits and the account's cap."""

    def __init__(self, suppressions: SuppressionStore, rulebook: Callable[[], Rulebook]) -> None:
        self._suppressions = suppressions
        self._rulebook = rulebook

    async def ensure_eligible(self, enrollment: Enrollment) -> None:
        """Return when the person may be enrolled. Raises DeclinedError: suppressed, left_since or person_cap."""
        rulebook = self._rulebook()
        by_rules = next((entry for entry in rulebook.suppress if entry.matches(enrollment.email)), None)
        found = by_rules or await self._suppressions.find(enrollment.email)
        if found is not None:
            where = "the rules suppress" if by_rules else "the suppression list has"
            raise DeclinedError("suppressed", f"{where} {_describe(found)}")
        _require_not_left(enrollment)
        if enrollment.plan.action == ENROLL:
            await self._require_below_cap(enrollment, rulebook)

    async def _require_below_cap(self, enrollment: Enrollment, rulebook: Rulebook) -> None:
        account = rulebook.account_named(enrollment.account)
        cap = account.per_person if account else None
        if cap is None:
            return
        count = await self._suppressions.count_enrolled(
            enrollment.account, enrollment.email, cap.period, excluding=enrollment.id
        )
        if count >= cap.enrollments:
            message = f"the person was, or may have been, enrolled {count} times in {cap.period}"
            raise DeclinedError("person_cap", f"{message}, and {cap.enrollments} are allowed")


def _describe(entry: Suppression) -> str:
    """Name the entry. An address is the person's own, which no error repeats."""
    return "this address" if entry.kind is Kind.ADDRESS else f"the {entry.kind} {entry.value}"


def _require_not_left(enrollment: Enrollment) -> None:
    """Raise DeclinedError where the person has left since this enrollment's event came.

    An exit cancels the enrollments that wait. An enrollment that is decided only after the exit, because its event was
    thin and a provider had to be asked, is declined here.
    """
    action = enrollment.plan.action
    if enrollment.left_by is not None and (action == ENROLL or ACTIONS[action].reaches):
        raise DeclinedError("left_since", f"the person has left since this event came: see {enrollment.left_by}")
