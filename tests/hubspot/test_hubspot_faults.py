from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from app.hubspot.api.faults import UNKNOWN_SENTENCE, Next, Party, fault_of, faults

FAULTS = tuple(faults().values())
PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
ROW = re.compile(r"^### (\w+)\n\nWhose: (\w+) · Next: (\w+)\n\n(.+)\n\n\*What to do:\* (.+)$", re.MULTILINE)


def test_the_page_and_the_table_say_the_same() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = [(fault.code, str(fault.fault), str(fault.next), fault.sentence, fault.do) for fault in FAULTS]
    assert sorted(ROW.findall(page)) == sorted(rows)
    assert len(re.findall(r"^### ", page, re.MULTILINE)) == len(FAULTS)
    assert UNKNOWN_SENTENCE in page


def test_every_code_has_one_row_and_one_sentence() -> None:
    codes = [fault.code for fault in FAULTS]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"[A-Z][^\n]+[.]", fault.sentence) for fault in FAULTS)
    assert all(re.fullmatch(r"[A-Z][^\n]+[.]", fault.do) for fault in FAULTS)
    assert all(fault.anchor == fault.code.lower() for fault in FAULTS)


# What must follow, written down a second time: by HubSpot's knowledge base, its error pages, and what was seen live.
FOLLOWS: dict[tuple[Party, Next], str] = {
    (Party.CONTACT, Next.REFUSE): """
        ALREADY_ENROLLED UNSUBSCRIBED UNSUBSCRIBED_PERSONAL GDPR BOUNCED RECIPIENT_PREVIOUSLY_BOUNCED
        RECIPIENT_PREVIOUSLY_BOUNCED_ON_PORTAL RECIPIENT_PREVIOUSLY_BOUNCED_GLOBALLY BLOCKED_ADDRESS BLOCKED_DOMAIN
        GLOBALLY_BLOCKED_RECIPIENT_ADDRESS GLOBALLY_BLOCKED_RECIPIENT_DOMAIN PREVIOUSLY_MARKED_AS_SPAM
        OTHER_SEND_REJECTED CONTACT_INVALID_EMAIL_ADDRESS
    """,
    (Party.SENDER, Next.HOLD): "SEND_LIMIT_EXCEEDED RATE_LIMITED_BY_CLIENT RATE_LIMITED_BY_PROVIDER",
    (Party.SENDER, Next.PARK): """
        DISCONNECTED_INBOX NO_INBOX_FOR_SENDER_ADDRESS NO_SETTINGS_FOR_GENERIC_INBOX GMAIL_SEND_FAIL
        SENDER_FORBIDDEN
    """,
    (Party.ACCOUNT, Next.RETRY): """
        INVALID_AUTHENTICATION EXPIRED_AUTHENTICATION TOKEN_REFUSED MISSING_SCOPES USER_DOES_NOT_HAVE_PERMISSIONS
        FORBIDDEN
    """,
    (Party.ACCOUNT, Next.HOLD): "RATE_LIMIT_DAILY",
    (Party.ACCOUNT, Next.PARK): "DOWNGRADE UNSATISFIABLE_CONSTRAINTS",
    (Party.US, Next.RETRY): "RATE_LIMIT_TEN_SECONDLY RATE_LIMIT_SECONDLY RATE_LIMIT CONFLICT",
    (Party.US, Next.PARK): """
        VALIDATION_ERROR SEQUENCE_ID_INVALID OBJECT_NOT_FOUND CONTACT_MISSING PROPERTY_DATA_IS_INVALID
        PROPERTY_DOESNT_EXIST READ_ONLY_VALUE INVALID_OPTION
    """,
    (Party.HUBSPOT, Next.RETRY): "LOCKED MIGRATION",
    (Party.HUBSPOT, Next.PARK): "PERMANENT_FAIL EMAIL_ATTACHMENT_PROCESSING_FAILED ENROLLMENT_STATE UNKNOWN OTHER",
}


def test_what_follows_from_each_code_is_what_must_follow() -> None:
    must = {code: follows for follows, codes in FOLLOWS.items() for code in codes.split()}
    assert {fault.code: (fault.fault, fault.next) for fault in FAULTS} == must


@given(st.text().filter(lambda code: code not in {fault.code for fault in FAULTS}))
def test_an_unknown_code_waits_for_a_person_and_is_not_the_senders_fault(code: str) -> None:
    fault = fault_of(code)
    assert (fault.code, fault.next) == (code, Next.PARK)
    assert fault.fault is not Party.SENDER
