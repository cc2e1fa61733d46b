"""SETTLE: read what became of a request whose reply never came, and record what follows. Nothing is sent here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app.enrollments.evidence import Evidence, Settlement, compare, next_read_at, settlement
from app.enrollments.outcome import Change
from app.errors import FenceLost, SegueError
from app.model import State, Step

if TYPE_CHECKING:
    from app.enrollments.record import Recorder
    from app.hubspot.batched import BatchedHubSpot
    from app.model import Enrollment


class Settler:
    """Takes uncertain enrollments to their outcome, one read at a time."""

    def __init__(self, hubspot: BatchedHubSpot, recorder: Recorder) -> None:
        self._hubspot = hubspot
        self._recorder = recorder

    async def settle(self, claimed: Enrollment) -> None:
        """Read once what became of an uncertain enrollment, and record what follows. Raises FenceLost."""
        try:
            evidence = await self._read(claimed)
        except FenceLost:
            raise
        except SegueError as error:
            await self._read_failed(claimed, error)
        else:
            await self._record(claimed, evidence, reads=claimed.reads + 1)

    async def _read(self, enrollment: Enrollment) -> Evidence:
        # After a re-send the first request may still be the one that worked: evidence counts from the first.
        contact_id, sent_at = enrollment.contact_id or "", enrollment.first_sending_at or self._recorder.now()
        seen = await self._hubspot.baseline(contact_id)
        evidence = compare(enrollment.baseline, seen, None, wanted=enrollment.sequence, sending_at=sent_at)
        if evidence is Evidence.HAPPENED:
            return evidence
        observed = await self._hubspot.status(contact_id)
        return compare(enrollment.baseline, seen, observed, wanted=enrollment.sequence, sending_at=sent_at)

    async def _record(self, claimed: Enrollment, evidence: Evidence, *, reads: int) -> None:
        """Record what follows from the `reads`-th read."""
        match settlement(evidence, reads=reads, resends=claimed.resends):
            case Settlement.ENROLLED:
                await self._recorder.enrolled(claimed, "settled_enrolled")
            case Settlement.READ_AGAIN:
                await self._read_again(claimed, evidence, reads=reads)
            case Settlement.RESEND:
                detail = f"{reads} reads equal the baseline: HubSpot never processed it"
                change = Change("resend", detail=detail, due_at=self._recorder.now(), resends=claimed.resends + 1)
                await self._recorder.move(claimed, State.READY, change)
            case Settlement.PARK:
                detail = f"what became of the request is unknown: {evidence} after {reads} reads"
                await self._recorder.move(claimed, State.PARKED, Change("parked", "unsettled", detail))

    async def _read_again(self, claimed: Enrollment, evidence: Evidence, *, reads: int) -> None:
        sent_at = claimed.sending_at or self._recorder.now()
        due_at = next_read_at(sent_at, reads=reads, settle_seconds=self._recorder.patience.settle_seconds)
        await self._recorder.read_later(claimed, Change("read", detail=str(evidence), due_at=due_at, reads=reads))

    async def _read_failed(self, enrollment: Enrollment, error: SegueError) -> None:
        """Retry a failed read later. What HubSpot refuses to show, or does not show for 72 hours, is parked."""
        as_if_working = replace(enrollment, state=State.WORKING, step=Step.PREPARED)
        after, change = self._recorder.after_failure(as_if_working, error)
        if after in {State.READY, State.HELD}:
            later = replace(change, cause="read_failed", reads=enrollment.reads)
            await self._recorder.read_later(enrollment, later)
        else:
            parked = replace(change, cause="parked", reason="unreadable")
            await self._recorder.move(enrollment, State.PARKED, parked)
