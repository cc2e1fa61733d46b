"""Counts above the cap: a whole one is said as it is, and one that was cut is said to be more."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from app.bulk.filters import Filter
from app.bulk.groups import By, ParkedGroup
from app.console import account_words, endpoint_words, needs, parked_words, rule_words, sender_words, source_words
from app.console.account_words import Standing
from app.console.audit_words import all_in_words
from app.console.endpoint_changes import unknown
from app.console.text import CAP, counted, exactly
from app.rules.written import WrittenRule
from app.senders.status import SenderStatus
from app.tallies.figures import SourceTally

NOW, ZONE = datetime(2026, 11, 24, 14, 32, tzinfo=UTC), ZoneInfo("UTC")
WHOLE, CUT = 12_345, CAP + 1
GROUP = ParkedGroup(By.CAUSE, None, WHOLE, 0, NOW, 0, None, 1, "demo", 1, "ben", None, Filter())
SOURCE = SourceTally("crm", WHOLE + 9, 9, WHOLE, 0, 0, 9, 0, last_at=NOW)
SENDER = SenderStatus(
    account="main", name="ben", user_id="7", inbox="ben@acme.example", alias=None, limit=400, left=300, waiting=WHOLE,
    paused_at=NOW, reason="full", paused_by=None, full_until=None,
)  # fmt: skip
RULE = WrittenRule(
    "demo", "rules.yaml", 21, None, "crm", ("signup",), None, None, "enroll", {}, goes_on=False, stops_on_error=False,
    examples=0, failing=(),
)  # fmt: skip
ENDPOINT = unknown("crm").model_copy(update={"waiting": WHOLE})
OUT = Standing("main", "bad", "revoked", "Revoked.", CUT)


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        (needs.lead((), WHOLE, 20_000, "30 days"), "12,345 people enrolled of 20,000 matched"),
        (needs.failing_need(SOURCE).sentence, "12,345 deliveries rejected"),
        (needs.parked_need(GROUP, NOW).sentence, "12,345 enrollments are parked"),
        (needs.paused_need(SENDER, NOW, NOW).detail, "12,345 enrollments waiting"),
        (source_words.all_in_words([("crm", "healthy")], WHOLE, "24 hours"), "12,345 deliveries in the last"),
        (source_words.one_in_words("crm", "failing", SOURCE, "", NOW, "24 hours"), "12,345 of 12,354 deliveries"),
        (rule_words.one_in_words(RULE, WHOLE, 7, 7, "7 days"), "matched 7 of 12,345 events"),
        (parked_words.one_of(GROUP), "12,345 enrollments are parked"),
        (parked_words.all_of([GROUP, GROUP], 200), "24,690 enrollments are parked"),
        (sender_words.one_in_words(SENDER, None, NOW, ZONE), "12,345 enrollments wait"),
        (sender_words.all_in_words([SENDER]), "12,345 enrollments wait"),
        (endpoint_words.sentence(ENDPOINT, NOW, ZONE), "12,345 events wait"),
        (exactly(CUT, "entry", "entries"), "10,001 entries"),
    ],
)
def test_a_whole_count_is_said_as_it_is(sentence: str, said: str) -> None:
    assert said in sentence
    assert "more than" not in sentence


@pytest.mark.parametrize(
    "sentence",
    [
        account_words.all_in_words([OUT]),
        all_in_words({"done": CUT}, "in the last 24 hours", narrowed=False),
        counted(CUT, "enrollment"),
    ],
)
def test_a_count_that_was_cut_is_said_to_be_more(sentence: str) -> None:
    assert "more than 10,000" in sentence.lower()
