"""Everything the sandbox knows, and the seed it starts from."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

from app.sandbox.faults import Faults
from app.sandbox.ledger import Ledger
from app.sandbox.limits import Window
from app.sandbox.people import Person, Running, SequencePlan
from app.sandbox.seed import PEOPLE, SEQUENCES, USERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.sandbox.settings import Settings

ENDLESS_STEPS = 2


class State:
    """One account. `clock` gives seconds since 1970."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.clock = clock
        self.faults = Faults()
        self.reset()

    def reset(self) -> None:
        """Start over from the seed; settings and faults stay."""
        self.ledger = Ledger()
        self.window = Window(self.settings)
        self.users = {user.id: user for user in USERS}
        self.sequences = {sequence.id: sequence for sequence in SEQUENCES}
        self._contact_ids = itertools.count(501)
        self._enrollment_ids = itertools.count(5_546_974_400)
        self._people: dict[str, Person] = {}
        self._by_email: dict[str, Person] = {}
        for email, first_name, last_name, refusal in PEOPLE:
            person = self.create({"email": email, "firstname": first_name, "lastname": last_name})
            person.refusal = None if refusal == "ALREADY_ENROLLED" else refusal
            if refusal == "ALREADY_ENROLLED":
                self.begin(person, self.sequences["310002"], user_id="7002", sender="ben@acme.example")

    def create(self, properties: dict[str, str]) -> Person:
        """Add a contact."""
        person = Person(str(next(self._contact_ids)), dict(properties), self.clock())
        self._people[person.id] = person
        if person.email:
            person.properties["email"] = person.email.lower()
            self._by_email[person.email] = person
        return person

    def change(self, person: Person, properties: dict[str, str]) -> None:
        """Change a contact, and where it is found by address."""
        self._by_email.pop(person.email, None)
        person.properties |= properties
        if person.email:
            self._by_email[person.email] = person

    def person(self, identity: str, *, by_email: bool = False) -> Person | None:
        """Return a contact as it is now."""
        found = self._by_email.get(identity.lower()) if by_email else self._people.get(identity)
        if found is not None:
            found.advance(self.clock(), lag=self.settings.property_lag)
        return found

    def everybody(self) -> list[Person]:
        """Return all contacts as they are now."""
        return [person for identity in list(self._people) if (person := self.person(identity))]

    def begin(self, person: Person, sequence: SequencePlan, *, user_id: str, sender: str) -> Running:
        """Enroll a contact, without a check."""
        now = self.clock()
        ends_at = now + self.settings.one_step_seconds if sequence.steps < ENDLESS_STEPS else None
        running = Running(str(next(self._enrollment_ids)), sequence, user_id, sender, now, ends_at)
        person.enroll(running, lag=self.settings.property_lag)
        return running
