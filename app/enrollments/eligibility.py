"""Who is not enrolled at all, found out before anything is sent to HubSpot: suppressed, who left, enough is enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from app.errors import DeclinedError
from app.model import ENROLL
from app.people.suppression import Kind

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from app.model import Enrollment
    from app.people.suppression import Suppression
    from app.rules.rulebook import Rulebook


# What reaches the person. What is only written to the contact may be late.
REACHES = frozenset({ENROLL, "workflow"})


class Books(Protocol):
    """What operators keep, and what has happened."""

    async def find(self, email: str) -> Suppression | None:
        """Return the entry of the suppression list that stands for this address."""

    async def enrolled(self, account: str, email: str, period: timedelta, *, but: str) -> int:
        """Return how often this person was, or may have been, enrolled in the last `period`; `but` is left out."""


class Eligibility:
    """Holds the rules' own suppressions, the operators' list, and the account's cap against an enrollment."""

    def __init__(self, books: Books, book: Callable[[], Rulebook]) -> None:
        self._books = books
        self._book = book

    async def admit(self, enrollment: Enrollment) -> None:
        """Return when the person may be enrolled. Raises DeclinedError: suppressed, left_since or person_cap."""
        book = self._book()
        written = next((entry for entry in book.suppress if entry.holds(enrollment.email)), None)
        found = written or await self._books.find(enrollment.email)
        if found is not None:
            where = "the rules suppress" if written else "the suppression list has"
            raise DeclinedError("suppressed", f"{where} {_named(found)}")
        _require_not_left(enrollment)
        if enrollment.plan.action == ENROLL:
            await self._require_room(enrollment, book)

    async def _require_room(self, enrollment: Enrollment, book: Rulebook) -> None:
        account = book.account_named(enrollment.account)
        cap = account.per_person if account else None
        if cap is None:
            return
        had = await self._books.enrolled(enrollment.account, enrollment.email, cap.period, but=enrollment.id)
        if had >= cap.enrollments:
            often = f"the person was, or may have been, enrolled {had} times in {cap.period}"
            raise DeclinedError("person_cap", f"{often}, and {cap.enrollments} are allowed")


def _named(entry: Suppression) -> str:
    """Return which entry it is; an address is the person's own, which no error repeats."""
    return "this address" if entry.kind is Kind.ADDRESS else f"the {entry.kind} {entry.value}"


def _require_not_left(enrollment: Enrollment) -> None:
    """Raise DeclinedError where the person has left after this one's event came.

    Who leaves ends what waits. An event that was decided only afterwards, since its provider had to be asked, is ended
    here.
    """
    if enrollment.left_by is not None and enrollment.plan.action in REACHES:
        raise DeclinedError("left_since", f"the person has left since this event came: see {enrollment.left_by}")
