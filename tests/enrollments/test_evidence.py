from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.enrollments.evidence import MAXIMUM_RESENDS, READS, Evidence, Settlement, compare, next_read_at, settlement
from app.model import Baseline, ObservedEnrollment

SENT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
BEFORE = Baseline(2, "310002", SENT - timedelta(days=40))
OURS = "310001"


def at(seconds: float) -> datetime:
    return SENT + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("seen", "witness", "expected"),
    [
        (BEFORE, None, Evidence.UNCHANGED),
        (Baseline(3, OURS, at(1)), None, Evidence.HAPPENED),
        (Baseline(3, OURS, at(-50)), None, Evidence.HAPPENED),  # their clock may be up to a minute behind
        (Baseline(3, OURS, at(-70)), None, Evidence.CONTRADICTORY),
        (Baseline(2, OURS, at(1)), None, Evidence.HAPPENED),  # the count lags behind the other two
        (Baseline(3, "310009", at(1)), None, Evidence.CONTRADICTORY),
        (Baseline(3, "310002", BEFORE.date), None, Evidence.CONTRADICTORY),
        (BEFORE, ObservedEnrollment(OURS, at(2)), Evidence.HAPPENED),
        (BEFORE, ObservedEnrollment("310009", at(2)), Evidence.CONTRADICTORY),
        (BEFORE, ObservedEnrollment("310002", at(-3600)), Evidence.UNCHANGED),  # it was there before
    ],
)
def test_one_read_is_compared_with_the_baseline(
    seen: Baseline, witness: ObservedEnrollment | None, expected: Evidence
) -> None:
    assert compare(BEFORE, seen, witness, wanted=OURS, sending_at=SENT) is expected


def test_a_contact_that_was_never_in_a_sequence_starts_from_nothing() -> None:
    nothing = Baseline(None, None, None)
    assert compare(nothing, nothing, None, wanted=OURS, sending_at=SENT) is Evidence.UNCHANGED
    assert compare(nothing, Baseline(1, OURS, at(1)), None, wanted=OURS, sending_at=SENT) is Evidence.HAPPENED


@given(st.integers(1, READS - 1), st.integers(0, 9), st.sampled_from([Evidence.UNCHANGED, Evidence.CONTRADICTORY]))
def test_nothing_but_evidence_ends_the_reading_early(reads: int, resends: int, evidence: Evidence) -> None:
    assert settlement(evidence, reads=reads, resends=resends) is Settlement.READ_AGAIN


@given(st.integers(1, 9), st.integers(0, 9))
def test_evidence_enrolls_whenever_it_comes(reads: int, resends: int) -> None:
    assert settlement(Evidence.HAPPENED, reads=reads, resends=resends) is Settlement.ENROLLED


def test_equal_reads_lead_to_a_resend_and_at_last_to_a_person() -> None:
    followed = [settlement(Evidence.UNCHANGED, reads=READS, resends=resends) for resends in range(MAXIMUM_RESENDS + 1)]
    assert followed == [Settlement.RESEND] * MAXIMUM_RESENDS + [Settlement.PARK]


def test_a_contradiction_that_stays_is_for_a_person() -> None:
    assert settlement(Evidence.CONTRADICTORY, reads=READS, resends=0) is Settlement.PARK


def test_the_three_reads_span_the_whole_settling_time() -> None:
    due = [next_read_at(SENT, reads=reads, settle_seconds=90) for reads in range(READS)]
    assert due == [at(30), at(60), at(90)]
