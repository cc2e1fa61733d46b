"""UNENROLL: take a contact out of the sequence that it is in, by a workflow, and look until it is out.

HubSpot has no request for this. A workflow of the account's can do it: it starts when a contact property becomes known,
or when the contact is put into it, and ends whatever sequence the contact is in. It takes a minute or two, and nobody
tells us when it is through: the enrollment waits (`held: unenrolling`) and the contact is looked at until it is out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from app.enrollments.unenroll_steps import Move, look_again_at, next_move, under_way
from app.errors import HeldError, OutcomeUnknown, ParkedError, Refusal, SegueError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping
    from datetime import datetime, timedelta

    from app.enrollments.outcome import NextStep
    from app.model import Enrollment, ObservedEnrollment, UnenrollWorkflow
    from app.rules.rulebook import Rulebook

IS_ENROLLED = "hs_sequences_is_enrolled"  # in any sequence, by whoever's hand
UNENROLLING = "unenrolling"


class HubSpot(Protocol):
    """What unenrolling needs of HubSpot. Every method raises NotSent, OutcomeUnknown, Refusal or BudgetSpent."""

    async def upsert(self, email: str, properties: Mapping[str, str]) -> str:
        """Write the contact with this address."""

    async def read(self, contact_id: str, names: Iterable[str]) -> Mapping[str, str | None]:
        """Return the named properties of the contact."""

    async def status(self, contact_id: str) -> ObservedEnrollment | None:
        """Return the enrollment that the status route shows, None when it shows none."""

    async def put_into_workflow(self, flow_id: str, email: str, *, before_send: Callable[[], Awaitable[None]]) -> None:
        """Put the contact into a workflow. `before_send` is awaited with the connection in hand."""


class Record(Protocol):
    """Where it is recorded that a workflow is under way: fenced, so that both raise FenceLost."""

    async def triggered(self, enrollment: Enrollment, contact_id: str, detail: str, *, within: timedelta) -> datetime:
        """Checkpoint that a workflow is set going, which may act `within` this; return the database's time."""

    async def untriggered(self, enrollment: Enrollment, detail: str, *, freed: bool = False) -> None:
        """Checkpoint that none is under way any more; `freed`: it took the contact out of its sequence."""


class Unenroller:
    """The way out of sequences, of whichever account an enrollment is of."""

    def __init__(
        self,
        record: Record,
        hubspot: HubSpot,
        book: Callable[[], Rulebook],
        fault_of: Callable[[str], NextStep],
        now: Callable[[], datetime],
    ) -> None:
        self._record = record
        self._hubspot = hubspot
        self._book = book
        self._fault_of = fault_of
        self._now = now

    async def free(self, enrollment: Enrollment, contact_id: str, *, told: bool = False) -> None:
        """Return when the contact is in no sequence and no workflow of ours may still act on it.

        `told` says that HubSpot has just refused it for being in one, whatever it shows. What was begun is known by
        `enrollment.triggered_at`: nothing is begun twice. Raises HeldError while the contact is on its way out,
        ParkedError where that does not come about, and what HubSpot and the record raise.
        """
        bridge = self._bridge(enrollment)
        if under_way(bridge, enrollment.triggered_at, self._now()):
            raise self._wait(bridge, enrollment.triggered_at)
        shown, left_over = await self._look(bridge, contact_id)
        match next_move(bridge, in_sequence=shown or told, triggered_at=enrollment.triggered_at, now=self._now()):
            case Move.TRIGGER:
                await self._clear(bridge, enrollment, left_over)
                raise self._wait(bridge, await self._trigger(bridge, enrollment, contact_id))
            case Move.WAIT:
                raise self._wait(bridge, enrollment.triggered_at)
            case Move.GIVE_UP:
                raise ParkedError("unenroll_unfinished", _given_up(bridge))
            case Move.DONE:
                await self._done(bridge, enrollment, left_over)

    async def _done(self, bridge: UnenrollWorkflow, enrollment: Enrollment, left_over: str) -> None:
        if enrollment.triggered_at is not None:
            await self._clear(bridge, enrollment, left_over)
            await self._record.untriggered(enrollment, "the contact is in no sequence any more", freed=True)

    def _bridge(self, enrollment: Enrollment) -> UnenrollWorkflow:
        account = self._book().account_named(enrollment.account)
        if account is None or account.bridge is None:
            told = f"account {enrollment.account}: no `unenroll:` says how contacts are taken out of sequences"
            raise ParkedError("no_bridge", told)
        return account.bridge

    async def _look(self, bridge: UnenrollWorkflow, contact_id: str) -> tuple[bool, str]:
        """Tell whether the contact is in a sequence, and what the bridge's property says.

        Either witness will do: the property lags behind, and the status route may not show what another user began.
        """
        names = (IS_ENROLLED, *((bridge.contact_property,) if bridge.contact_property else ()))
        facts = await self._hubspot.read(contact_id, names)
        left_over = facts.get(bridge.contact_property or "") or ""
        if facts.get(IS_ENROLLED) == "true":
            return True, left_over
        return await self._hubspot.status(contact_id) is not None, left_over

    async def _clear(self, bridge: UnenrollWorkflow, enrollment: Enrollment, left_over: str) -> None:
        """Empty the property: a workflow starts when it becomes known, which it must not be before."""
        if bridge.contact_property and left_over:
            await self._written(enrollment, {bridge.contact_property: ""})

    async def _trigger(self, bridge: UnenrollWorkflow, enrollment: Enrollment, contact_id: str) -> datetime:
        """Set the workflow going. It is written down first: whoever comes after a crash looks, and does not repeat."""
        if bridge.contact_property:
            told = f"contact property {bridge.contact_property} is set to {bridge.value!r}"
            at = await self._record.triggered(enrollment, contact_id, told, within=bridge.longest)
            await self._or_untriggered(enrollment, self._written(enrollment, {bridge.contact_property: bridge.value}))
            return at
        return await self._put_in(bridge, enrollment, contact_id)

    async def _put_in(self, bridge: UnenrollWorkflow, enrollment: Enrollment, contact_id: str) -> datetime:
        moments: list[datetime] = []
        flow_id = bridge.workflow or ""

        async def commit() -> None:
            told = f"the contact is put into workflow {flow_id}"
            moments.append(await self._record.triggered(enrollment, contact_id, told, within=bridge.longest))

        sending = self._hubspot.put_into_workflow(flow_id, enrollment.email, before_send=commit)
        await self._or_untriggered(enrollment, self._parked_where_refused(sending))
        return moments[-1]

    async def _written(self, enrollment: Enrollment, properties: Mapping[str, str]) -> None:
        await self._parked_where_refused(self._hubspot.upsert(enrollment.email, properties))

    async def _parked_where_refused(self, asking: Awaitable[object]) -> None:
        """Ask. Whatever HubSpot refuses for good here is a mistake in how the bridge is set up, not the contact's."""
        try:
            await asking
        except Refusal as refusal:
            if self._fault_of(refusal.code).next == "refuse":
                raise ParkedError("bridge_refused", f"HubSpot refuses what takes contacts out: {refusal}") from refusal
            raise

    async def _or_untriggered(self, enrollment: Enrollment, setting_going: Awaitable[None]) -> None:
        """Set going. Where that surely did not happen, nothing is under way; else we look, as if it had."""
        try:
            await setting_going
        except OutcomeUnknown:
            return
        except SegueError as error:
            await self._record.untriggered(enrollment, f"nothing was set going: {error}")
            raise

    def _wait(self, bridge: UnenrollWorkflow, triggered_at: datetime | None) -> HeldError:
        now = self._now()
        until = look_again_at(bridge, triggered_at or now, now)
        return HeldError(UNENROLLING, until, "a workflow takes the contact out of its sequence, which takes minutes")


def _given_up(bridge: UnenrollWorkflow) -> str:
    how = f"property {bridge.contact_property}" if bridge.contact_property else f"workflow {bridge.workflow}"
    return (
        f"the contact is in a sequence still, {bridge.within} after {how} was to take it out: look whether the "
        "workflow is on and lets contacts in again; released, it is tried once more"
    )
