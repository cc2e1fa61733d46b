"""What became of an enroll request whose answer never came: decided from what HubSpot's contact says afterwards.

HubSpot offers no idempotency key, so a request without an answer is never blindly repeated. The contact's sequence
properties are read three times over at least `settle_seconds` after `sending` and compared with the baseline read
before it. The status route is a second witness for "yes" only: it shows nothing once a one-step sequence has ended.
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
    """What one read says."""

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
    """Tell whether an enrollment in `sequence` since `since` is the one asked for at `sending_at`.

    HubSpot's clock and ours may differ: up to 60 s earlier still counts.
    """
    return sequence == wanted and since is not None and since >= sending_at - CLOCK_TOLERANCE


def compare(
    baseline: Baseline, seen: Baseline, witness: ObservedEnrollment | None, *, wanted: str, sending_at: datetime
) -> Evidence:
    """Compare one read with the baseline.

    Changed in our favour (latest sequence and date are ours, or the status route shows it): HAPPENED. Nothing changed:
    UNCHANGED. Changed in any other way, somebody else moved this contact meanwhile: CONTRADICTORY.
    """
    if witness is not None and is_ours(witness.sequence, witness.enrolled_at, wanted=wanted, sending_at=sending_at):
        return Evidence.HAPPENED
    raised = (seen.count or 0) > (baseline.count or 0)
    moved = (seen.sequence, seen.date) != (baseline.sequence, baseline.date)
    if (raised or moved) and is_ours(seen.sequence, seen.date, wanted=wanted, sending_at=sending_at):
        return Evidence.HAPPENED
    intruded = witness is not None and witness.enrolled_at >= sending_at - CLOCK_TOLERANCE
    return Evidence.CONTRADICTORY if raised or moved or intruded else Evidence.UNCHANGED


def settle(reading: Evidence, *, reads: int, resends: int) -> Settlement:
    """Say what follows from `reading`, the `reads`-th one (from 1), after `resends` earlier re-sends."""
    if reading is Evidence.HAPPENED:
        return Settlement.ENROLLED
    if reading is Evidence.CONTRADICTORY:
        return Settlement.PARK if reads >= READS else Settlement.READ_AGAIN
    if reads < READS:
        return Settlement.READ_AGAIN
    return Settlement.RESEND if resends < MAXIMUM_RESENDS else Settlement.PARK


def next_read_at(sending_at: datetime, *, reads: int, settle_seconds: float) -> datetime:
    """Return when the read after `reads` earlier ones is due: thirds of `settle_seconds` after `sending_at`."""
    return sending_at + timedelta(seconds=settle_seconds * (reads + 1) / READS)
