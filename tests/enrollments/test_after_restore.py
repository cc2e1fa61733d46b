"""What follows from HubSpot's latest enrollment of a contact, when the database has forgotten a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.enrollments.after_restore import Gap, Sent, Shown, judge
from app.model import Baseline

BACKUP = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
RESTORE = BACKUP + timedelta(hours=8)
BETWEEN = BACKUP + timedelta(hours=3)
GAP = Gap(BACKUP, RESTORE)
LATER = RESTORE + timedelta(days=1)
HOUR, MONTH = timedelta(hours=1), timedelta(days=30)
NEWER = Gap(BACKUP, RESTORE, is_newer=True, period=MONTH)
NEVER = Baseline(None, None, None)
CLEAR, ENROLLED, UNCLEAR = Shown.NOT_ENROLLED, Shown.ENROLLED, Shown.UNCLEAR


def latest(at: datetime, sequence: str = "long", count: int = 2) -> Baseline:
    return Baseline(count, sequence, at)


def sent(at: datetime, sequence: str = "long", before: Baseline = NEVER, *, is_found: bool = False) -> Sent:
    return Sent(sequence, at, at, before, is_found)


@pytest.mark.parametrize(
    ("seen", "others", "shown"),
    [
        (NEVER, [], CLEAR),
        (Baseline(0, None, None), [], CLEAR),
        (Baseline(1, "long", None), [], UNCLEAR),
        (latest(BACKUP - HOUR), [], CLEAR),
        (latest(BACKUP - timedelta(minutes=4)), [], ENROLLED),
        (latest(BETWEEN), [], ENROLLED),
        (latest(RESTORE + timedelta(seconds=30)), [], ENROLLED),
        (latest(BETWEEN, "short"), [], UNCLEAR),
        (latest(LATER), [], UNCLEAR),
        (latest(LATER, "short"), [], UNCLEAR),
        # HubSpot counts all enrollments of a contact: the first one hides none.
        (latest(BETWEEN, "short", 1), [], CLEAR),
        (latest(LATER, "short", 1), [], CLEAR),
        (latest(LATER, "long", 1), [], UNCLEAR),
        (latest(BETWEEN, "long", 1), [], ENROLLED),
        # What is on record explains itself, before the gap and after it.
        (latest(BACKUP - timedelta(minutes=4)), [sent(BACKUP - timedelta(minutes=4))], CLEAR),
        (latest(BETWEEN), [sent(BACKUP - timedelta(minutes=4))], ENROLLED),
        (latest(LATER), [sent(LATER)], CLEAR),
        (latest(LATER, "short"), [sent(LATER, "short", latest(BETWEEN))], ENROLLED),
        (latest(LATER, "short"), [sent(LATER, "short", latest(BETWEEN, "short"))], UNCLEAR),
        (latest(LATER, "short"), [sent(LATER, "short", latest(BACKUP - HOUR))], CLEAR),
        # One enrollment that HubSpot shows is that of one row only.
        (latest(BETWEEN), [sent(BETWEEN, is_found=True)], UNCLEAR),
    ],
)
def test_the_latest_enrollment_against_the_gap(seen: Baseline, others: list[Sent], shown: Shown) -> None:
    assert judge(seen, [GAP], wanted="long", sent=others, now=LATER) is shown


def test_a_contact_that_was_merged_has_the_count_of_one() -> None:
    seen = latest(LATER, "short", 1)
    assert judge(seen, [GAP], wanted="long", sent=[], now=LATER, is_merged=True) is UNCLEAR


def test_a_new_event_is_sent_once_the_period_of_the_forgotten_intent_has_passed() -> None:
    seen = latest(BETWEEN)
    assert judge(seen, [NEWER], wanted="long", sent=[], now=BETWEEN + MONTH - HOUR) is ENROLLED
    assert judge(seen, [NEWER], wanted="long", sent=[], now=BETWEEN + MONTH) is CLEAR
    assert judge(seen, [GAP], wanted="long", sent=[], now=BETWEEN + MONTH) is ENROLLED
    masked = latest(LATER, "short")
    assert judge(masked, [NEWER], wanted="long", sent=[], now=RESTORE + MONTH - HOUR) is UNCLEAR
    assert judge(masked, [NEWER], wanted="long", sent=[], now=RESTORE + MONTH) is CLEAR


def test_another_intent_of_the_same_sequence_cannot_be_told_apart() -> None:
    other = Gap(BACKUP, RESTORE, is_newer=True, period=MONTH, is_own_intent=False)
    assert judge(latest(BETWEEN), [other], wanted="long", sent=[], now=LATER) is UNCLEAR


def test_each_restore_is_judged_by_what_was_shown_first_after_it() -> None:
    second = Gap(RESTORE + MONTH, RESTORE + MONTH + HOUR)
    now = RESTORE + 2 * MONTH
    between = RESTORE + timedelta(days=3)
    known = [sent(between, "short", latest(BACKUP - HOUR))]
    assert judge(latest(between, "short"), [GAP, second], wanted="long", sent=known, now=now) is CLEAR
    known = [sent(between, "short", latest(BETWEEN))]
    assert judge(latest(between, "short"), [GAP, second], wanted="long", sent=known, now=now) is ENROLLED
    assert judge(latest(RESTORE + MONTH), [GAP, second], wanted="long", sent=known, now=now) is ENROLLED
