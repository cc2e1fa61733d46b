"""UNENROLL: take a contact out of the sequence that it is in, by a workflow, and check until it is out.

HubSpot has no request for this. A workflow of the account can do it: it starts when a contact property becomes known,
or when the contact is put into it, and ends whatever sequence the contact is in. It takes a minute or two, and HubSpot
does not report its end: the enrollment waits (`held: unenrolling`), and the contact is read until it is out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.clock import in_words
from app.enrollments.unenroll_steps import Move, is_running, next_check_at, next_move
from app.errors import HeldError, OutcomeUnknown, ParkedError, Refusal, SegueError
from app.hubspot.api.faults import Next, fault_of
from app.hubspot.api.refusals import OF_PROPERTIES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    from app.enrollments.store import EnrollmentStore
    from app.hubspot.batched import BatchedHubSpot
    from app.model import Enrollment, UnenrollWorkflow
    from app.rules.rulebook import Rulebook

IS_ENROLLED = "hs_sequences_is_enrolled"  # in any sequence, also in one that a person in HubSpot has started
UNENROLLING = "unenrolling"


@dataclass(frozen=True, slots=True)
class Unenroller:
    """Takes contacts out of sequences, by the workflow that the rulebook names for the enrollment's account."""

    store: EnrollmentStore
    hubspot: BatchedHubSpot
    rulebook: Callable[[], Rulebook]
    now: Callable[[], datetime]

    async def ensure_not_enrolled(self, enrollment: Enrollment, contact_id: str, *, refused: bool = False) -> None:
        """Return when the contact is in no sequence and no workflow of ours may still act on it.

        `refused`: HubSpot has just refused the contact for being in a sequence, whatever its properties show.
        `enrollment.triggered_at` says that a workflow was started already: none is started twice. Raises HeldError
        while the contact is on its way out, ParkedError where it does not get out, and what HubSpot and the store
        raise.
        """
        workflow = self._workflow_of(enrollment)
        if is_running(workflow, enrollment.triggered_at, self.now()):
            raise self._wait(workflow, enrollment.triggered_at)
        shown, left_over = await self._read(workflow, contact_id)
        match next_move(workflow, in_sequence=shown or refused, triggered_at=enrollment.triggered_at, now=self.now()):
            case Move.TRIGGER:
                await self._clear(workflow, enrollment, left_over)
                raise self._wait(workflow, await self._start(workflow, enrollment, contact_id))
            case Move.WAIT:
                raise self._wait(workflow, enrollment.triggered_at)
            case Move.GIVE_UP:
                raise ParkedError("unenroll_unfinished", _given_up(workflow))
            case Move.DONE:
                await self._finish(workflow, enrollment, left_over)

    async def _finish(self, workflow: UnenrollWorkflow, enrollment: Enrollment, left_over: str) -> None:
        if enrollment.triggered_at is not None:
            await self._clear(workflow, enrollment, left_over)
            await self.store.workflow_ended(enrollment, "the contact is in no sequence any more", removed=True)

    def _workflow_of(self, enrollment: Enrollment) -> UnenrollWorkflow:
        account = self.rulebook().account_named(enrollment.account)
        if account is None or account.unenroll is None:
            message = f"account {enrollment.account}: no `unenroll:` says how contacts are taken out of sequences"
            raise ParkedError("no_bridge", message)
        return account.unenroll

    async def _read(self, workflow: UnenrollWorkflow, contact_id: str) -> tuple[bool, str]:
        """Return whether the contact is in a sequence, and the value of the workflow's property.

        Either sign counts: the property lags behind, and the status route may hide what another user has started.
        """
        names = (IS_ENROLLED, *((workflow.contact_property,) if workflow.contact_property else ()))
        facts = await self.hubspot.read(contact_id, names)
        left_over = facts.get(workflow.contact_property or "") or ""
        if facts.get(IS_ENROLLED) == "true":
            return True, left_over
        return await self.hubspot.status(contact_id) is not None, left_over

    async def _clear(self, workflow: UnenrollWorkflow, enrollment: Enrollment, left_over: str) -> None:
        """Empty the property: a workflow starts when it becomes known, so it must be unknown before."""
        if workflow.contact_property and left_over:
            await self._write(enrollment, {workflow.contact_property: ""})

    async def _start(self, workflow: UnenrollWorkflow, enrollment: Enrollment, contact_id: str) -> datetime:
        """Start the workflow. The checkpoint is committed first: after a crash the next attempt does not start it."""
        if workflow.contact_property:
            detail = f"contact property {workflow.contact_property} is set to {workflow.value!r}"
            at = await self.store.workflow_started(enrollment, contact_id, detail, within=workflow.longest)
            request = self._write(enrollment, {workflow.contact_property: workflow.value})
            await self._send_start(enrollment, request)
            return at
        return await self._put_into_workflow(workflow, enrollment, contact_id)

    async def _put_into_workflow(self, workflow: UnenrollWorkflow, enrollment: Enrollment, contact_id: str) -> datetime:
        moments: list[datetime] = []
        flow_id = workflow.workflow or ""

        async def commit() -> None:
            detail = f"the contact is put into workflow {flow_id}"
            at = await self.store.workflow_started(enrollment, contact_id, detail, within=workflow.longest)
            moments.append(at)

        request = self.hubspot.put_into_workflow(flow_id, enrollment.email, before_send=commit)
        await self._send_start(enrollment, self._or_parked(request))
        return moments[-1]

    async def _write(self, enrollment: Enrollment, properties: Mapping[str, str]) -> None:
        await self._or_parked(self.hubspot.upsert(enrollment.email, properties))

    async def _or_parked(self, request: Awaitable[object]) -> None:
        """Await the request. A final refusal, or one for the property, is a mistake in the account's `unenroll:`."""
        try:
            await request
        except Refusal as refusal:
            if refusal.code in OF_PROPERTIES or fault_of(refusal.code).next is Next.REFUSE:
                raise ParkedError("bridge_refused", f"HubSpot refuses what takes contacts out: {refusal}") from refusal
            raise

    async def _send_start(self, enrollment: Enrollment, request: Awaitable[None]) -> None:
        """Await the request that starts the workflow. Without an outcome the workflow counts as started."""
        try:
            await request
        except OutcomeUnknown:
            return
        except SegueError as error:
            await self.store.workflow_ended(enrollment, f"nothing was set going: {error}")
            raise

    def _wait(self, workflow: UnenrollWorkflow, triggered_at: datetime | None) -> HeldError:
        now = self.now()
        until = next_check_at(workflow, triggered_at or now, now)
        return HeldError(UNENROLLING, until, "a workflow takes the contact out of its sequence, which takes minutes")


def _given_up(workflow: UnenrollWorkflow) -> str:
    how = f"property {workflow.contact_property}" if workflow.contact_property else f"workflow {workflow.workflow}"
    return (
        f"the contact is in a sequence still, {in_words(workflow.within)} after {how} was to take it out: look whether "
        "the workflow is on and lets contacts in again; released, it is tried once more"
    )
