"""LAST LOOK: who may not be enrolled any more, asked with the commit of `sending`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from app.enrollments.eligibility import Question

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from app.database.direct import DirectConnection
    from app.errors import DeclinedError
    from app.model import Enrollment
    from app.people.eligibility_store import Counted
    from app.people.identity import Person
    from app.people.suppression import Suppression


class LastLook(Protocol):
    """What decides who may not be enrolled any more; `Eligibility` explains the methods."""

    def questions(self, people: Iterable[tuple[Enrollment, Person | None]]) -> Sequence[Question]:
        """Return what must be asked of each person."""

    async def counts(self, connection: DirectConnection, questions: Iterable[Question]) -> Mapping[Counted, int]:
        """Count enrollments where the account has a cap."""

    def reason(
        self, question: Question, found: Mapping[str, Suppression], counts: Mapping[Counted, int]
    ) -> DeclinedError | None:
        """Return why a person may not be enrolled."""


class NoLook:
    """Lets everyone be enrolled."""

    def questions(self, people: Iterable[tuple[Enrollment, Person | None]]) -> Sequence[Question]:
        """Ask nothing."""
        return [Question(enrollment) for enrollment, _ in people]

    async def counts(self, _: DirectConnection, __: Iterable[Question]) -> Mapping[Counted, int]:
        """Count nothing."""
        return {}

    def reason(self, _: Question, __: Mapping[str, Suppression], ___: Mapping[Counted, int]) -> DeclinedError | None:
        """Return none."""
        return None
