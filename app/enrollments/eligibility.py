"""Eligibility checks that need no HubSpot call: people who were forgotten, suppressions, exits, the cap.

They hold for the address that the event named, and once the contact was read for its other addresses and its ids, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.clock import in_words
from app.enrollments.actions import ACTIONS
from app.errors import DeclinedError
from app.model import ENROLL
from app.people.addresses import normalise
from app.people.eligibility_store import FORGOTTEN, Counted, count_enrolled, find_entries
from app.people.suppression import Kind, forms_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from app.database.direct import DirectConnection, DirectPool
    from app.model import Enrollment
    from app.model.account import Cap
    from app.people.identity import Person
    from app.people.suppression import Suppression
    from app.rules.rulebook import Rulebook


@dataclass(frozen=True, slots=True)
class Question:
    """What the store is asked of a person: entries for `addresses`, and enrollments where the account has a cap.

    `contacts` are (address, account, contact id), known once the contact was read. `known` is a reason that needs no
    answer.
    """

    enrollment: Enrollment
    addresses: tuple[str, ...] = ()
    counted: Counted | None = None
    known: DeclinedError | None = None
    contacts: tuple[tuple[str, str, str], ...] = ()


def looked_up(questions: Iterable[Question]) -> tuple[list[str], list[tuple[str, str, str]]]:
    """Return the addresses and the contacts for which entries are looked up, each once."""
    asked = list(questions)
    addresses = dict.fromkeys(address for question in asked for address in question.addresses)
    return list(addresses), list(dict.fromkeys(contact for question in asked for contact in question.contacts))


class Eligibility:
    """Checks an enrollment against the rules' suppressions, the operators' list, exits and the account's cap."""

    def __init__(self, pool: DirectPool, rulebook: Callable[[], Rulebook]) -> None:
        self._pool = pool
        self._rulebook = rulebook

    async def ensure_eligible(self, enrollment: Enrollment, person: Person | None = None) -> None:
        """Return when the person may be enrolled. Raises DeclinedError: forgotten, suppressed, left_since, person_cap.

        `person` is known once the contact was read.
        """
        (error,) = await self.reasons(self._pool, [(enrollment, person)])
        if error is not None:
            raise error

    async def reasons(
        self, connection: DirectConnection | DirectPool, people: Sequence[tuple[Enrollment, Person | None]]
    ) -> list[DeclinedError | None]:
        """Return for each enrollment why its person may not be enrolled, looked up in the caller's transaction."""
        questions = self.questions(people)
        return await self._answered(connection, questions, questions)

    async def reasons_at_claim(
        self, connection: DirectConnection, claimed: Iterable[Enrollment]
    ) -> list[DeclinedError | None]:
        """Return the same for enrollments that this transaction has claimed: the claim has looked at the list, too."""
        questions = self.questions((enrollment, None) for enrollment in claimed)
        listed = [one for one in questions if one.enrollment.is_listed or len(forms_of(one.enrollment.email)) > 1]
        return await self._answered(connection, questions, listed)

    async def _answered(
        self, connection: DirectConnection | DirectPool, questions: Sequence[Question], listed: Iterable[Question]
    ) -> list[DeclinedError | None]:
        """Return the reasons, of which entries are looked up for those that are `listed`."""
        found = await find_entries(connection, *looked_up(listed))
        counts = await self.counts(connection, questions)
        return [self.reason(question, found, counts) for question in questions]

    def questions(self, people: Iterable[tuple[Enrollment, Person | None]]) -> list[Question]:
        """Return what must be asked of each person, after what the rules and the enrollment itself say."""
        return [self._question(enrollment, person) for enrollment, person in people]

    async def counts(
        self, connection: DirectConnection | DirectPool, questions: Iterable[Question]
    ) -> Mapping[Counted, int]:
        """Count enrollments where the account has a cap."""
        return await count_enrolled(connection, [one.counted for one in questions if one.counted is not None])

    def _question(self, enrollment: Enrollment, person: Person | None) -> Question:
        rulebook, addresses = self._rulebook(), (enrollment.email, *(person.others if person else ()))
        for address in addresses:
            # An enrollment may wait under an address of before its normal form changed.
            normal = normalise(address) or address
            if entry := next((entry for entry in rulebook.suppress if entry.matches(normal)), None):
                known = _suppressed(enrollment, address, f"the rules suppress {_describe(entry)}")
                return Question(enrollment, known=known)
        contacts = tuple((enrollment.email, enrollment.account, id_) for id_ in (person.ids if person else ()))
        return Question(enrollment, addresses, _counted(enrollment, person, addresses, rulebook), contacts=contacts)

    def reason(
        self, question: Question, found: Mapping[str, Suppression], counts: Mapping[Counted, int]
    ) -> DeclinedError | None:
        """Return why the person may not be enrolled, None where nothing of what was found is against it."""
        enrollment = question.enrollment
        if question.known is not None:
            return question.known
        for address in question.addresses:
            if (entry := found.get(address)) == FORGOTTEN:
                return DeclinedError("forgotten", "the person was forgotten")
            if entry is not None:
                return _suppressed(enrollment, address, f"the suppression list has {_describe(entry)}")
        if error := _left(enrollment):
            return error
        cap = _cap(enrollment, self._rulebook())
        count = counts.get(question.counted, 0) if question.counted else 0
        if cap is None or count < cap.enrollments:
            return None
        message = f"the person was, or may have been, enrolled {count} times in {in_words(cap.period)}"
        return DeclinedError("person_cap", f"{message}, and {cap.enrollments} are allowed")


def _counted(
    enrollment: Enrollment, person: Person | None, addresses: tuple[str, ...], rulebook: Rulebook
) -> Counted | None:
    """Return what is counted for the account's cap, None where it has none or the enrollment is for no sequence."""
    cap = _cap(enrollment, rulebook)
    if cap is None or enrollment.plan.action != ENROLL:
        return None
    return Counted(enrollment.account, enrollment.id, addresses, person.ids if person else (), cap.period)


def _cap(enrollment: Enrollment, rulebook: Rulebook) -> Cap | None:
    account = rulebook.account_named(enrollment.account)
    return account.per_person if account else None


def _suppressed(enrollment: Enrollment, address: str, reason: str) -> DeclinedError:
    if address != enrollment.email:
        reason = f"the contact that HubSpot found has a suppressed address: {reason}"
    return DeclinedError("suppressed", reason)


def _describe(entry: Suppression) -> str:
    """Name the entry. An address is the person's own, which no error repeats."""
    return "this address" if entry.kind is Kind.ADDRESS else f"the {entry.kind} {entry.value}"


def _left(enrollment: Enrollment) -> DeclinedError | None:
    """Return that the person has left since this enrollment's event came, None where it has not.

    An exit cancels the enrollments that wait. An enrollment that is decided only after the exit, because its event was
    thin and a provider had to be asked, is declined here.
    """
    action = enrollment.plan.action
    if enrollment.left_by is None or not (action == ENROLL or ACTIONS[action].reaches):
        return None
    return DeclinedError("left_since", f"the person has left since this event came: see {enrollment.left_by}")
