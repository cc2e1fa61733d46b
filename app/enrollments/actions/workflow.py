"""`workflow`: write the contact and put it into a workflow, by one request that is never repeated blindly.

HubSpot has no way to read later who is in a workflow, so that a request without an outcome parks the enrollment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.enrollments.actions.base import Action
from app.errors import OutcomeUnknown, ParkedError, SegueError
from app.model import NO_OUTCOME

if TYPE_CHECKING:
    from app.enrollments.actions.base import Tools
    from app.model import Enrollment


async def perform(enrollment: Enrollment, tools: Tools) -> str:
    """Write the contact and send the one request."""
    if enrollment.triggered_at is not None:
        raise _outcome_unknown(enrollment)
    workflow = enrollment.plan.target
    contact_id = await tools.preparer.update(enrollment)
    await tools.preparer.ensure_reachable(enrollment, contact_id)

    async def commit() -> None:
        await tools.store.workflow_started(enrollment, contact_id, f"into workflow {workflow}")

    try:
        await tools.hubspot.put_into_workflow(workflow, enrollment.email, before_send=commit)
    except OutcomeUnknown as error:
        raise _outcome_unknown(enrollment) from error
    except SegueError as error:
        await tools.store.workflow_ended(enrollment, f"it was not: {error}")
        raise
    return f"contact {contact_id} was put into workflow {workflow}"


def _outcome_unknown(enrollment: Enrollment) -> ParkedError:
    message = f"whether HubSpot put the contact into workflow {enrollment.plan.target} is not known"
    return ParkedError(NO_OUTCOME, f"{message}: look there, then release it to ask once more, or cancel it")


ACTION = Action(perform, reaches=True)
