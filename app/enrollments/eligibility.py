"""Eligibility checks that need no HubSpot call: suppression lists, exits since the event, the per-person cap.

They hold for the address that the event named, and once the contact was read for its other addresses and its ids, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.clock import in_words
from app.enrollments.actions import ACTIONS
from app.errors import DeclinedError
from app.model import ENROLL
from app.people.addresses import normalise
from app.people.suppression import Kind
from app.people.suppression_store import Counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.model import Enrollment
    from app.people.identity import Person
    from app.people.suppression import Suppression
    from app.people.suppression_store import SuppressionStore
    from app.rules.rulebook import Rulebook


class Eligibility:
    """Checks an enrollment against the rules' suppressions, the operators' list, exits and the account's cap."""

    def __init__(self, suppressions: SuppressionStore, rulebook: Callable[[], Rulebook]) -> None:
        self._suppressions = suppressions
        self._rulebook = rulebook

    async def ensure_eligible(self, enrollment: Enrollment, person: Person | None = None) -> None:
        """Return when the person may be enrolled. Raises DeclinedError: suppressed, left_since or person_cap.

        `person` is known once the contact was read.
        """
        rulebook = self._rulebook()
        if reason := await self._suppressed(enrollment.email, rulebook):
            raise DeclinedError("suppressed", reason)
        for address in person.others if person else ():
            if reason := await self._suppressed(address, rulebook):
                message = f"the contact that HubSpot found has a suppressed address: {reason}"
                raise DeclinedError("suppressed", message)
        _require_not_left(enrollment)
        if enrollment.plan.action == ENROLL:
            await self._require_below_cap(enrollment, person, rulebook)

    async def _suppressed(self, email: str, rulebook: Rulebook) -> str | None:
        """Return what suppresses this address, None where nothing does."""
        # An enrollment may wait under an address of before its normal form changed.
        normal = normalise(email) or email
        by_rules = next((entry for entry in rulebook.suppress if entry.matches(normal)), None)
        found = by_rules or await self._suppressions.find(email)
        where = "the rules suppress" if by_rules else "the suppression list has"
        return f"{where} {_describe(found)}" if found else None

    async def _require_below_cap(self, enrollment: Enrollment, person: Person | None, rulebook: Rulebook) -> None:
        account = rulebook.account_named(enrollment.account)
        cap = account.per_person if account else None
        if cap is None:
            return
        wanted = Counted(
            enrollment.account,
            enrollment.id,
            (enrollment.email, *(person.others if person else ())),
            person.ids if person else (),
            cap.period,
        )
        count = await self._suppressions.count_enrolled(wanted)
        if count >= cap.enrollments:
            message = f"the person was, or may have been, enrolled {count} times in {in_words(cap.period)}"
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
