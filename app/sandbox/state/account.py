"""Everything that the sandbox holds of one account, and how it is filled from the seed."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any

from app.sandbox.control.faults import Faults
from app.sandbox.state.contact_properties import ContactProperty
from app.sandbox.state.contacts import BY_API, Change, Contact, Enrollment, Sequence
from app.sandbox.state.identities import Identities, merge
from app.sandbox.state.ledger import Ledger
from app.sandbox.state.oauth_grants import Grants
from app.sandbox.state.rate_limits import Rolling, Window
from app.sandbox.state.seed import CONTACTS, PROPERTIES, SEQUENCES, USERS, WORKFLOWS
from app.sandbox.webhooks.queue import Outbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.sandbox.state.seed import Workflow
    from app.sandbox.state.settings import Settings

ENDLESS_STEPS = 2
FIRST_ACCOUNT_ID = 48_000_001


class Account:
    """One account. `clock` returns seconds since 1970; `grants` are those of OAuth apps, in all accounts.

    `started_at` is when the sandbox started: ids of contacts begin there, in each account alike.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], float] = time.time,
        *,
        id_: int = FIRST_ACCOUNT_ID,
        grants: Grants | None = None,
        started_at: float | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.id = id_
        self.grants = grants or Grants()
        self.faults = Faults()
        self.outbox = Outbox(settings, id_)
        # Segue's database outlives the sandbox, and knows people by these ids: after a restart or a reset no other
        # person has one of them.
        self._contact_ids = itertools.count(round((started_at or clock()) * 1000))
        self.reset()

    def reset(self) -> None:
        """Return to the seed; settings, faults, grants and webhook subscriptions stay."""
        self.ledger = Ledger()
        self.window = Window(self.settings)
        self.oauth_window = Window(self.settings, oauth=True)
        self.searches = Rolling()
        self.outbox.clear()
        self.users = {user.id: user for user in USERS}
        self.sequences = {sequence.id: sequence for sequence in SEQUENCES}
        self.workflows = {workflow.legacy_id: workflow for workflow in WORKFLOWS}
        self.action_definitions: dict[str, dict[str, dict[str, Any]]] = {}
        self.legal_bases: dict[str, str] = {}
        self.notes: list[dict[str, Any]] = []
        self._enrollment_ids = itertools.count(5_546_974_400)
        self._identities = Identities()
        self._seed()

    def _seed(self) -> None:
        for email, first_name, last_name, refusal in CONTACTS:
            properties = {"email": email, "firstname": first_name, "lastname": last_name}
            contact = self._add(properties, set_at=0.0)
            contact.on_change = self._on_change
            contact.refusal = None if refusal == "ALREADY_ENROLLED" else refusal
            if refusal == "ALREADY_ENROLLED":
                self.enroll(contact, self.sequences["310002"], user_id="7002", sender="ben@acme.example")

    def create(self, properties: dict[str, str]) -> Contact:
        """Add a contact."""
        contact = self._add({}, set_at=self.clock())
        contact.on_change = self._on_change
        self.outbox.created(contact, BY_API)
        self.change(contact, properties)
        return contact

    def _add(self, properties: dict[str, str], *, set_at: float) -> Contact:
        contact = Contact(str(next(self._contact_ids)), {}, self.clock())
        contact.set_properties(properties, set_at)
        self._identities.add(contact)
        return contact

    def change(self, contact: Contact, properties: dict[str, str]) -> None:
        """Change a contact, and the address that it is found by."""
        self._identities.forget_addresses(contact)
        lowered = {name: value.lower() if name == "email" else value for name, value in properties.items()}
        known = self.properties()
        for name in lowered.keys() & known.keys():
            lowered[name] = known[name].merged(lowered[name], contact.properties.get(name, ""))
        contact.set_properties(lowered, self.clock())
        self._identities.add(contact)

    def merge(self, primary: Contact, other: Contact) -> Contact:
        """Merge two contacts into a third one; the ids of both lead to it."""
        made = Contact(str(next(self._contact_ids)), {}, self.clock())
        for old in (primary, other):
            self._identities.remove(old)
            self._identities.merged(old, made)
        merge(primary, other, made, self.clock())
        made.on_change = self._on_change
        self._identities.add(made)
        return made

    def delete(self, contact: Contact) -> None:
        """Delete a contact: reads and searches no longer find it."""
        self._identities.remove(contact)
        self.outbox.deleted(contact, self.clock())

    def contact(self, key: str, *, by_email: bool = False) -> Contact | None:
        """Return a contact by its id or one of its addresses, as it is now."""
        found = self._identities.by_email(key) if by_email else self._identities.by_id(key)
        if found is not None:
            found.advance(self.clock(), lag=self.settings.property_lag)
        return found

    def contacts(self) -> list[Contact]:
        """Return all contacts as they are now."""
        return [contact for id_ in self._identities.ids() if (contact := self.contact(id_))]

    def properties(self) -> dict[str, ContactProperty]:
        """Return the contact properties that exist, by name."""
        extra = [
            each if isinstance(each, ContactProperty) else ContactProperty(name=each)
            for each in self.settings.extra_properties
        ]
        return PROPERTIES | {each.name: each for each in extra}

    def has_property(self, name: str) -> bool:
        """Return whether a contact property exists."""
        return name in PROPERTIES or name in self.properties()

    def enroll(self, contact: Contact, sequence: Sequence, *, user_id: str, sender: str) -> Enrollment:
        """Enroll a contact, without a check."""
        now = self.clock()
        ends_at = now + self.settings.one_step_seconds if sequence.steps < ENDLESS_STEPS else None
        enrollment = Enrollment(str(next(self._enrollment_ids)), sequence, user_id, sender, now, ends_at)
        contact.enroll(enrollment, lag=self.settings.property_lag)
        return enrollment

    def enter_workflow(self, contact: Contact, workflow: Workflow, *, at: float, trigger: str = "") -> None:
        """Put a contact into a workflow. One that unenrolls does so later, from the sequence that runs by then."""
        self.ledger.record_workflow(at, workflow, contact, action="enrolled", trigger=trigger)
        wait = self.settings.bridge_seconds if trigger else self.settings.workflow_seconds
        if workflow.unenrolls:
            contact.unenrollments.append((at + wait, workflow.flow_id))

    def _on_change(self, contact: Contact, change: Change) -> None:
        became_known = bool(change.value) and not change.before
        for workflow in self.workflows.values() if became_known else ():
            if workflow.trigger == change.name:
                self.enter_workflow(contact, workflow, at=change.at, trigger=change.name)
        self.outbox.changed(contact, change)
