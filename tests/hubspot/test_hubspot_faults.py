from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.hubspot.faults import UNKNOWN_SENTENCE, Next, Whose, fault_of, faults

FAULTS = tuple(faults().values())
PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
ROW = re.compile(r"^### (\w+)\n\nWhose: (\w+) · Next: (\w+)\n\n(.+)\n\n\*What to do:\* (.+)$", re.MULTILINE)


def test_the_page_and_the_table_say_the_same() -> None:
    page = PAGE.read_text(encoding="utf-8")
    told = [(fault.code, str(fault.fault), str(fault.next), fault.sentence, fault.do) for fault in FAULTS]
    assert sorted(ROW.findall(page)) == sorted(told)
    assert len(re.findall(r"^### ", page, re.MULTILINE)) == len(FAULTS)
    assert UNKNOWN_SENTENCE in page


def test_every_code_has_one_row_and_one_sentence() -> None:
    codes = [fault.code for fault in FAULTS]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"[A-Z][^\n]+[.]", fault.sentence) for fault in FAULTS)
    assert all(re.fullmatch(r"[A-Z][^\n]+[.]", fault.do) for fault in FAULTS)
    assert all(fault.anchor == fault.code.lower() for fault in FAULTS)


@pytest.mark.parametrize(
    ("code", "fault", "following"),
    [
        ("ALREADY_ENROLLED", Whose.CONTACT, Next.REFUSE),
        ("UNSUBSCRIBED", Whose.CONTACT, Next.REFUSE),
        ("RECIPIENT_PREVIOUSLY_BOUNCED", Whose.CONTACT, Next.REFUSE),
        ("SEND_LIMIT_EXCEEDED", Whose.SENDER, Next.HOLD),
        ("MISSING_SCOPES", Whose.ACCOUNT, Next.RETRY),
        ("INVALID_AUTHENTICATION", Whose.ACCOUNT, Next.RETRY),
        ("RATE_LIMIT_TEN_SECONDLY", Whose.US, Next.RETRY),
        ("VALIDATION_ERROR", Whose.US, Next.PARK),
        ("PROPERTY_DATA_IS_INVALID", Whose.US, Next.REFUSE),
        ("MIGRATION", Whose.HUBSPOT, Next.RETRY),
    ],
)
def test_what_follows_from_a_code(code: str, fault: Whose, following: Next) -> None:
    assert (fault_of(code).fault, fault_of(code).next) == (fault, following)


@given(st.text().filter(lambda code: code not in {fault.code for fault in FAULTS}))
def test_an_unknown_code_waits_for_a_person_and_is_not_the_senders_fault(code: str) -> None:
    fault = fault_of(code)
    assert (fault.code, fault.next) == (code, Next.PARK)
    assert fault.fault is not Whose.SENDER
