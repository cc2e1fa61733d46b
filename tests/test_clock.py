"""Durations are written as people write them, and the rules file reads what is written."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clock import in_words
from app.rules.file.values import duration


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (0.2, "1 second"),
        (300, "5 minutes"),
        (5400, "1 hour 30 minutes"),
        (86_400, "1 day"),
        (30 * 86_400, "30 days"),
        (86_400 + 61, "1 day 1 minute"),
    ],
)
def test_a_duration_is_written_by_its_two_largest_units(seconds: float, words: str) -> None:
    assert in_words(seconds) == in_words(timedelta(seconds=seconds)) == words


@given(st.integers(0, 999_999), st.sampled_from([1, 60, 3600, 86_400]))
def test_the_rules_file_reads_a_duration_that_a_message_names(count: int, unit: int) -> None:
    written = timedelta(seconds=count * unit)
    read = duration(in_words(written))
    assert in_words(read) == in_words(written)
    assert read <= written


@pytest.mark.parametrize("text", ["30days", "30 days", "30d", "4w 2d", "4 weeks 2 days", "720 hours"])
def test_the_rules_file_reads_short_forms_and_words(text: str) -> None:
    assert duration(text) == timedelta(days=30)


@pytest.mark.parametrize("text", ["", "30", "days", "30 months", "30d,", "1d2h", "-1d", "1.5h", "٣d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write a duration like"):
        duration(text)
