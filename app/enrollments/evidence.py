"""What became of an enroll request whose reply never came, decided from what HubSpot shows afterwards. Pure.

HubSpot has no idempotency key, so a request without a reply is never repeated blindly. The contact's sequence
properties are read three times over at least `settle_seconds` after `sending` and compared with the baseline that was
read before it. The status route can only prove that the request worked: it shows nothing once a one-step sequence has
ended.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.model import Baseline, ObservedEnrollment

READS = 3
MAXIMUM_RESENDS = 2
CLOCK_TOLERANCE = timedelta(seconds=60)


class Evidence(StrEnum):
    """What one read shows."""

    HAPPENED = "happened"
    UNCHANGED = "unchanged"
    CONTRADICTORY = "contradictory"


class Settlement(StrEnum):
    """What follows from all reads so far."""

    ENROLLED = "enrolled"
    READ_AGAIN = "read_again"
    RESEND = "resend"
    PARK = "park"


def is_ours(sequence: str | None, since: datetime | None, *, wanted: str, sending_at: datetime) -> bool:
    """Tell whether an enrollment in `sequence` since `since` is the one that was requested at `sending_at`.

    HubSpot's clock and ours may differ: an enrollment up to 60 s earlier still counts.
    """
    return sequence == wanted and since is not None and since >= sending_at - CLOCK_TOLERANCE


def compare(
    baseline: Baseline, seen: Baseline, observed: ObservedEnrollment | None, *, wanted: str, sending_at: datetime
) -> Evidence:
    """Compare one read with the baseline.

    HAPPENED: the latest sequence and date are those of the request, or the status route shows it. UNCHANGED: nothing
    changed. CONTRADICTORY: something else changed, so another user or tool has enrolled this contact meanwhile.
    """
    if observed is not None and is_ours(observed.sequence, observed.enrolled_at, wanted=wanted, sending_at=sending_at):
        return Evidence.HAPPENED
    raised = (seen.count or 0) > (baseline.count or 0)
    moved = (seen.sequence, seen.date) != (baseline.sequence, baseline.date)
    if (raised or moved) and is_ours(seen.sequence, seen.date, wanted=wanted, sending_at=sending_at):
        return Evidence.HAPPENED
    other = observed is not None and observed.enrolled_at >= sending_at - CLOCK_TOLERANCE
    return Evidence.CONTRADICTORY if raised or moved or other else Evidence.UNCHANGED


def settlement(evidence: Evidence, *, reads: int, resends: int) -> Settlement:
    """Return what follows from the evidence of the `reads`-th read (from 1), after `resends` earlier re-sends."""
    if evidence is Evidence.HAPPENED:
        return Settlement.ENROLLED
    if evidence is Evidence.CONTRADICTORY:
        return Settlement.PARK if reads >= READS else Settlement.READ_AGAIN
    if reads < READS:
        return Settlement.READ_AGAIN
    return Settlement.RESEND if resends < MAXIMUM_RESENDS else Settlement.PARK


def next_read_at(sending_at: datetime, *, reads: int, settle_seconds: float) -> datetime:
    """Return when the read after `reads` earlier ones is due: thirds of `settle_seconds` after `sending_at`."""
    return sending_at + timedelta(seconds=settle_seconds * (reads + 1) / READS)
