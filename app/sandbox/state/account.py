"""Everything the sandbox knows of one account, and the seed it starts from."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any

from app.sandbox.control.faults import Faults
from app.sandbox.properties import ContactProperty
from app.sandbox.state.contacts import BY_API, Change, Person, Running, SequencePlan
from app.sandbox.state.ledger import Ledger
from app.sandbox.state.oauth_grants import Grants
from app.sandbox.state.rate_limits import Rolling, Window
from app.sandbox.state.seed import PEOPLE, PROPERTIES, SEQUENCES, USERS, WORKFLOWS
from app.sandbox.webhooks.queue import Outbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.sandbox.state.seed import Workflow
    from app.sandbox.state.settings import Settings

ENDLESS_STEPS = 2
FIRST_PORTAL = 48_000_001


class State:
    """One account. `clock` gives seconds since 1970; `grants` are what OAuth apps were granted, in all accounts."""

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], float] = time.time,
        *,
        portal_id: int = FIRST_PORTAL,
        grants: Grants | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.portal_id = portal_id
        self.grants = grants or Grants()
        self.faults = Faults()
        self.outbox = Outbox(settings, portal_id)
        self.reset()

    def reset(self) -> None:
        """Start over from the seed; settings, faults, grants and webhook subscriptions stay."""
        self.ledger = Ledger()
        self.window = Window(self.settings)
        self.oauth_window = Window(self.settings, oauth=True)
        self.searches = Rolling()
        self.outbox.forget()
        self.users = {user.id: user for user in USERS}
        self.sequences = {sequence.id: sequence for sequence in SEQUENCES}
        self.workflows = {workflow.legacy_id: workflow for workflow in WORKFLOWS}
        self.action_definitions: dict[str, dict[str, dict[str, Any]]] = {}
        self.legal_bases: dict[str, str] = {}
        self.notes: list[dict[str, Any]] = []
        self._contact_ids = itertools.count(501)
        self._enrollment_ids = itertools.count(5_546_974_400)
        self._people: dict[str, Person] = {}
        self._by_email: dict[str, Person] = {}
        self._seed()

    def _seed(self) -> None:
        for email, first_name, last_name, refusal in PEOPLE:
            told = {"email": email, "firstname": first_name, "lastname": last_name}
            person = self._add(told, known_since=0.0)
            person.heard = self._heard
            person.refusal = None if refusal == "ALREADY_ENROLLED" else refusal
            if refusal == "ALREADY_ENROLLED":
                self.begin(person, self.sequences["310002"], user_id="7002", sender="ben@acme.example")

    def create(self, properties: dict[str, str]) -> Person:
        """Add a contact."""
        person = self._add({}, known_since=self.clock())
        person.heard = self._heard
        self.outbox.created(person, BY_API)
        self.change(person, properties)
        return person

    def _add(self, properties: dict[str, str], *, known_since: float) -> Person:
        person = Person(str(next(self._contact_ids)), {}, self.clock())
        self._people[person.id] = person
        person.put(properties, known_since)
        if person.email:
            self._by_email[person.email] = person
        return person

    def change(self, person: Person, properties: dict[str, str]) -> None:
        """Change a contact, and where it is found by address."""
        self._by_email.pop(person.email, None)
        lowered = {name: value.lower() if name == "email" else value for name, value in properties.items()}
        person.put(lowered, self.clock())
        if person.email:
            self._by_email[person.email] = person

    def delete(self, person: Person) -> None:
        """Take a contact away: neither reads nor searches find it any more."""
        self._by_email.pop(person.email, None)
        del self._people[person.id]
        self.outbox.deleted(person, self.clock())

    def person(self, identity: str, *, by_email: bool = False) -> Person | None:
        """Return a contact as it is now."""
        found = self._by_email.get(identity.lower()) if by_email else self._people.get(identity)
        if found is not None:
            found.advance(self.clock(), lag=self.settings.property_lag)
        return found

    def everybody(self) -> list[Person]:
        """Return all contacts as they are now."""
        return [person for identity in list(self._people) if (person := self.person(identity))]

    def properties(self) -> dict[str, ContactProperty]:
        """Return the contact properties that exist, by name."""
        told = self.settings.extra_properties
        extra = [one if isinstance(one, ContactProperty) else ContactProperty(name=one) for one in told]
        return PROPERTIES | {one.name: one for one in extra}

    def knows(self, name: str) -> bool:
        """Return whether a contact property exists."""
        return name in PROPERTIES or name in self.properties()

    def begin(self, person: Person, sequence: SequencePlan, *, user_id: str, sender: str) -> Running:
        """Enroll a contact, without a check."""
        now = self.clock()
        ends_at = now + self.settings.one_step_seconds if sequence.steps < ENDLESS_STEPS else None
        running = Running(str(next(self._enrollment_ids)), sequence, user_id, sender, now, ends_at)
        person.enroll(running, lag=self.settings.property_lag)
        return running

    def enter(self, person: Person, workflow: Workflow, *, at: float, trigger: str = "") -> None:
        """Put a contact into a workflow; one that unenrolls does so a while later, from whatever sequence runs then."""
        self.ledger.workflow(at, workflow, person, action="enrolled", trigger=trigger)
        wait = self.settings.bridge_seconds if trigger else self.settings.workflow_seconds
        if workflow.unenrolls:
            person.leaving.append((at + wait, workflow.flow_id))

    def _heard(self, person: Person, change: Change) -> None:
        became_known = bool(change.value) and not change.before
        for workflow in self.workflows.values() if became_known else ():
            if workflow.trigger == change.name:
                self.enter(person, workflow, at=change.at, trigger=change.name)
        self.outbox.changed(person, change)
