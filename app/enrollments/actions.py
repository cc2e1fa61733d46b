"""PERFORM: the actions of rules other than enrolling. Each returns what was done, in a sentence, or raises."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app.errors import OutcomeUnknown, ParkedError, SegueError
from app.model import NO_OUTCOME

if TYPE_CHECKING:
    from app.enrollments.prepare import Preparer
    from app.enrollments.store import EnrollmentStore
    from app.enrollments.unenroll import Unenroller
    from app.hubspot.batched import BatchedHubSpot
    from app.model import Enrollment


class ActionPerformer:
    """Performs what a plan says, other than enrolling."""

    def __init__(
        self, store: EnrollmentStore, hubspot: BatchedHubSpot, preparer: Preparer, unenroller: Unenroller
    ) -> None:
        self._store = store
        self._hubspot = hubspot
        self._preparer = preparer
        self._unenroller = unenroller

    async def perform(self, enrollment: Enrollment) -> str:
        """Perform the action. Raises HeldError, DeclinedError, ParkedError, FenceLost, and what HubSpot raises."""
        match enrollment.plan.action:
            case "cancel":
                return await self._cancel(enrollment)
            case "unenroll":
                return await self._unenroll(enrollment)
            case "workflow":
                return await self._put_into_workflow(enrollment)
            case _:
                return await self._update(enrollment)

    async def _update(self, enrollment: Enrollment) -> str:
        return f"contact {await self._preparer.update(enrollment)} was written"

    async def _cancel(self, enrollment: Enrollment) -> str:
        cancelled, _ = await self._store.cancel_earlier(enrollment)
        return f"{cancelled} that waited were cancelled"

    async def _unenroll(self, claimed: Enrollment) -> str:
        count, triggered_at = await self._store.cancel_earlier(claimed)
        enrollment, cancelled = replace(claimed, triggered_at=triggered_at), f"{count} that waited were cancelled"
        contact_id = enrollment.contact_id or await self._hubspot.find(enrollment.email)
        if contact_id is None:
            return f"{cancelled}; HubSpot knows no such contact"
        await self._unenroller.ensure_not_enrolled(enrollment, contact_id)
        outcome = "is in no sequence any more" if enrollment.triggered_at else "was in no sequence"
        return f"{cancelled}; the contact {outcome}"

    async def _put_into_workflow(self, enrollment: Enrollment) -> str:
        """Write the contact and send the one request. HubSpot has no way to read later who is in a workflow."""
        if enrollment.triggered_at is not None:
            raise _outcome_unknown(enrollment)
        contact_id = await self._preparer.update(enrollment)

        async def commit() -> None:
            await self._store.workflow_started(enrollment, contact_id, f"into workflow {enrollment.plan.target}")

        try:
            await self._hubspot.put_into_workflow(enrollment.plan.target, enrollment.email, before_send=commit)
        except OutcomeUnknown as error:
            raise _outcome_unknown(enrollment) from error
        except SegueError as error:
            await self._store.workflow_ended(enrollment, f"it was not: {error}")
            raise
        return f"contact {contact_id} was put into workflow {enrollment.plan.target}"


def _outcome_unknown(enrollment: Enrollment) -> ParkedError:
    message = f"whether HubSpot put the contact into workflow {enrollment.plan.target} is not known"
    return ParkedError(NO_OUTCOME, f"{message}: look there, then release it to ask once more, or cancel it")
