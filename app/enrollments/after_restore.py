"""What HubSpot shows of a contact, after the database was restored: was it enrolled in the time without a record? Pure.

HubSpot keeps the latest enrollment of a contact only, its sequence and its date, and counts all. So a date before that
time proves that nothing was sent in it, and a date in it proves one enrollment. What came before that one, HubSpot does
not tell, unless that one is the first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from app.enrollments.evidence import CLOCK_TOLERANCE
from app.errors import HeldError, ParkedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from app.model import Baseline, Enrollment

REASON = "after_restore"
# Before the time that the copy knows: clocks differ, and what was under way then was committed later.
MARGIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without a record, for one enrollment.

    `is_newer`: the enrollment was made after the restore. Then its person's intent may have been taken by one that is
    forgotten, which ran for `period` (None: for ever); `is_own_intent` says that no other intent asks for its sequence.
    """

    since: datetime
    until: datetime
    is_newer: bool = False
    period: timedelta | None = None
    is_own_intent: bool = True


@dataclass(frozen=True, slots=True)
class Sent:
    """An enrollment of the same contact that is on record. `before` is what HubSpot showed before its request.

    `is_found`: it has no request on record, HubSpot showed it after a restore.
    """

    sequence: str
    at: datetime
    enrolled_at: datetime | None
    before: Baseline
    is_found: bool = False


class Shown(StrEnum):
    """What HubSpot shows."""

    NOT_ENROLLED = "not_enrolled"
    ENROLLED = "enrolled"
    UNCLEAR = "unclear"


def require_settled(gaps: Iterable[Gap], *, now: datetime, settle: timedelta) -> None:
    """Raise HeldError while HubSpot may not show yet what was sent last before the restore."""
    until = max(gap.until for gap in gaps) + settle
    if now < until:
        raise HeldError(REASON, until, "the database was restored: HubSpot is read once it shows what was sent before")


def require_clear(shown: Shown, seen: Baseline) -> None:
    """Raise ParkedError where HubSpot does not tell whether the contact was enrolled."""
    if shown is Shown.UNCLEAR:
        latest = f"sequence {seen.sequence} since {seen.date:%Y-%m-%d %H:%M} UTC" if seen.date else "no date"
        raise ParkedError(
            REASON,
            "the database was restored, and HubSpot does not tell whether this enrollment was sent before: the "
            f"contact's latest is {latest}; look at its sequences, then cancel this one, or release it to send it",
        )


def require_not_reached(enrollment: Enrollment, gaps: Iterable[Gap]) -> None:
    """Raise ParkedError for a contact that may have been put into its workflow before the restore."""
    if enrollment.plan.action == "workflow" and any(not gap.is_newer for gap in gaps):
        raise ParkedError(
            REASON,
            "the database was restored, and HubSpot does not tell whether the contact was put into workflow "
            f"{enrollment.plan.target} before: look there, then cancel this one, or release it to do it",
        )


def require_asked_since(enrollment: Enrollment, gaps: Iterable[Gap], seen: Baseline) -> None:
    """Raise ParkedError for a contact in a sequence that began after `enrollment` was to end what the contact was in.

    It may have done so before the restore.
    """
    since = min((gap.since for gap in gaps if not gap.is_newer), default=None)
    if since is None or seen.date is None or enrollment.triggered_at is not None:
        return
    if seen.date >= since - MARGIN and seen.date > enrollment.received_at:
        raise ParkedError(
            REASON,
            "the database was restored, and HubSpot does not tell whether the contact was taken out of its sequence "
            f"before: it is in sequence {seen.sequence} since {seen.date:%Y-%m-%d %H:%M} UTC, later than this was "
            "asked for; cancel this one, or release it to take the contact out",
        )


def judge(
    seen: Baseline, gaps: Iterable[Gap], *, wanted: str, sent: Sequence[Sent], now: datetime, is_merged: bool = False
) -> Shown:
    """Return what `seen` shows of an enrollment in the sequence `wanted`. `sent` are the contact's others, by time.

    `is_merged`: the contact is several in one, so that its count may be that of one of them.
    """
    if is_merged and seen.count == 1:
        seen = replace(seen, count=None)
    found = {_judge_one(seen, gap, wanted=wanted, sent=sent, now=now) for gap in gaps}
    return next((one for one in (Shown.ENROLLED, Shown.UNCLEAR) if one in found), Shown.NOT_ENROLLED)


def _judge_one(seen: Baseline, gap: Gap, *, wanted: str, sent: Sequence[Sent], now: datetime) -> Shown:
    # What was sent since the restore hides what was before; it has on record what HubSpot showed then.
    after = next((one for one in sent if one.at >= gap.until and not one.is_found), None)
    shown = after.before if after else seen
    if shown.date is None:
        return Shown.UNCLEAR if shown.count else Shown.NOT_ENROLLED
    if shown.date < gap.since - MARGIN or _is_over(gap, shown.date, now):
        return Shown.NOT_ENROLLED
    if shown.count == 1 and shown.sequence != wanted:
        return Shown.NOT_ENROLLED  # the contact was never in any other
    own = next((one for one in sent if _is_of(one, shown) and one.at < gap.until), None)
    if own is not None and not own.is_found:
        return Shown.NOT_ENROLLED  # the latest one is on record, so that nothing came after it
    is_ours = shown.date <= gap.until + CLOCK_TOLERANCE and shown.sequence == wanted
    return Shown.ENROLLED if is_ours and own is None and gap.is_own_intent else Shown.UNCLEAR


def _is_over(gap: Gap, date: datetime, now: datetime) -> bool:
    """Tell whether a new enrollment may be sent whatever was sent in the gap: the intent's period has passed."""
    return gap.is_newer and gap.period is not None and min(date, gap.until) + gap.period <= now


def _is_of(sent: Sent, shown: Baseline) -> bool:
    """Tell whether what HubSpot shows is this enrollment."""
    if shown.date is None or sent.sequence != shown.sequence:
        return False
    return abs(shown.date - (sent.enrolled_at or sent.at)) <= CLOCK_TOLERANCE
