"""ACT: what rules do for a person beside enrolling. Each returns what was done, in a sentence, or raises."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from app.errors import OutcomeUnknown, ParkedError, SegueError
from app.model import NO_OUTCOME

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from app.model import Enrollment


class HubSpot(Protocol):
    """What acting needs of HubSpot. Every method raises NotSent, OutcomeUnknown, Refusal or BudgetSpent."""

    async def find(self, email: str) -> str | None:
        """Return the id of the contact with this address, None where there is none."""

    async def put_into_workflow(self, flow_id: str, email: str, *, before_send: Callable[[], Awaitable[None]]) -> None:
        """Put the contact into a workflow. `before_send` is awaited with the connection in hand."""


class Preparation(Protocol):
    """What writes contacts."""

    async def update(self, enrollment: Enrollment) -> str:
        """Write the contact and nothing else; return its id. Raises DeclinedError."""


class Bridging(Protocol):
    """The way out of sequences."""

    async def free(self, enrollment: Enrollment, contact_id: str) -> None:
        """Return when the contact is in no sequence. Raises HeldError until then, and ParkedError."""


class Record(Protocol):
    """Where it is recorded: fenced, so that the checkpoint raises FenceLost."""

    async def cancel_earlier(self, enrollment: Enrollment) -> tuple[int, datetime | None]:
        """Cancel what was accepted for the same person earlier and has not been sent; return how many.

        The second is since when a workflow takes the person out of a sequence, begun by one of those.
        """

    async def triggered(self, enrollment: Enrollment, contact_id: str, detail: str) -> datetime:
        """Checkpoint that a workflow is set going."""

    async def untriggered(self, enrollment: Enrollment, detail: str, *, freed: bool = False) -> None:
        """Checkpoint that none was."""


class ActionPerformer:
    """Carries out whatever a plan says but enrolling."""

    def __init__(self, record: Record, hubspot: HubSpot, preparation: Preparation, bridging: Bridging) -> None:
        self._record = record
        self._hubspot = hubspot
        self._preparation = preparation
        self._bridging = bridging

    async def act(self, enrollment: Enrollment) -> str:
        """Do it. Raises HeldError, DeclinedError, ParkedError, FenceLost, and what HubSpot raises."""
        action = enrollment.plan.action
        if action == "cancel":
            return await self._cancel(enrollment)
        if action == "unenroll":
            return await self._unenroll(enrollment)
        if action == "workflow":
            return await self._put_into_workflow(enrollment)
        return f"contact {await self._preparation.update(enrollment)} was written"

    async def _cancel(self, enrollment: Enrollment) -> str:
        cancelled, _ = await self._record.cancel_earlier(enrollment)
        return f"{cancelled} that waited were cancelled"

    async def _unenroll(self, claimed: Enrollment) -> str:
        count, triggered_at = await self._record.cancel_earlier(claimed)
        enrollment, cancelled = replace(claimed, triggered_at=triggered_at), f"{count} that waited were cancelled"
        contact_id = enrollment.contact_id or await self._hubspot.find(enrollment.email)
        if contact_id is None:
            return f"{cancelled}; HubSpot knows no such contact"
        await self._bridging.free(enrollment, contact_id)
        told = "is in no sequence any more" if enrollment.triggered_at else "was in no sequence"
        return f"{cancelled}; the contact {told}"

    async def _put_into_workflow(self, enrollment: Enrollment) -> str:
        """Write the contact and send the one request. HubSpot does not tell afterwards who is in a workflow."""
        if enrollment.triggered_at is not None:
            raise _unknown(enrollment)
        contact_id = await self._preparation.update(enrollment)

        async def commit() -> None:
            await self._record.triggered(enrollment, contact_id, f"into workflow {enrollment.plan.target}")

        try:
            await self._hubspot.put_into_workflow(enrollment.plan.target, enrollment.email, before_send=commit)
        except OutcomeUnknown as error:
            raise _unknown(enrollment) from error
        except SegueError as error:
            await self._record.untriggered(enrollment, f"it was not: {error}")
            raise
        return f"contact {contact_id} was put into workflow {enrollment.plan.target}"


def _unknown(enrollment: Enrollment) -> ParkedError:
    told = f"whether HubSpot put the contact into workflow {enrollment.plan.target} is not known"
    return ParkedError(NO_OUTCOME, f"{told}: look there, then release it to ask once more, or cancel it")
