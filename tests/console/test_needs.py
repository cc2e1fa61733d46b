"""What stands at the top of the overview."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.bulk.filters import Filter
from app.bulk.groups import By, ParkedGroup
from app.console.account_line import AccountLine
from app.console.account_words import Standing
from app.console.needs import failing, lead, needs
from app.senders.status import SenderStatus
from app.tallies.figures import SourceTally

NOW = datetime(2026, 11, 24, 14, 32, tzinfo=UTC)


def group(value: str | None, count: int) -> ParkedGroup:
    since = NOW - timedelta(hours=5)
    return ParkedGroup(By.CAUSE, value, count, 0, since, 1, value, 1, "signup", 1, "ben", None, Filter(reason=value))


def source(*, rejected: int, verified: int) -> SourceTally:
    reasons = (("signature_mismatch", rejected),) if rejected else ()
    return SourceTally("webinar", rejected + verified, verified, rejected, 0, 0, verified, 0, reasons)


def sender(reason: str | None, by: str | None = None) -> SenderStatus:
    return SenderStatus(
        account="main", name="ben", user_id="7", inbox="ben@acme.example", alias=None, limit=400, left=300, waiting=3,
        paused_at=NOW - timedelta(hours=2) if reason else None, reason=reason, paused_by=by,
        full_until=None,
    )  # fmt: skip


def test_what_is_parked_says_why_and_what_to_do() -> None:
    (need,) = needs([], [group("DISCONNECTED_INBOX", 14)], [], [], [], NOW)
    assert need.sentence.startswith("14 enrollments are parked: ")
    assert "DISCONNECTED_INBOX" not in need.sentence
    assert need.detail.startswith("Since 5 h ago. ")
    assert need.url == "/admin/parked?reason=DISCONNECTED_INBOX"


def account(name: str, *, mark: str = "bad", held: int = 0) -> AccountLine:
    standing = Standing(name, mark, "revoked", "Revoked since 13:40: It was uninstalled.", held)
    return AccountLine(name, f"/admin/accounts/{name}", None, "OAuth", standing, (), ("no", ""))


def test_an_account_that_lets_nothing_be_sent_stands_first_with_why() -> None:
    first, *others = needs(
        [account("main", mark="ok"), account("emea", held=6)], [group("no_sender", 1)], [], [], [], NOW
    )
    assert first.sentence == "Nothing is sent by the account emea."
    assert first.detail == "Revoked since 13:40: It was uninstalled. 6 enrollments wait for it."
    assert first.url == "/admin/accounts/emea"
    assert len(others) == 1


def test_many_accounts_that_let_nothing_be_sent_are_one_thing() -> None:
    (need,) = needs([account(f"a{number}", held=1) for number in range(40)], [], [], [], [], NOW)
    assert (need.sentence, need.detail) == ("Nothing is sent by 40 accounts.", "40 enrollments wait for them.")
    assert need.url == "/admin/accounts"


def test_a_source_is_failing_once_nothing_is_accepted_or_much_is_rejected() -> None:
    assert failing(source(rejected=1, verified=0))
    assert not failing(source(rejected=20, verified=80))
    assert failing(source(rejected=21, verified=79))
    assert not failing(source(rejected=21, verified=1000))
    assert not failing(source(rejected=0, verified=0))


def test_a_failing_source_says_why() -> None:
    (need,) = needs([], [], [source(rejected=171, verified=0)], [], [], NOW)
    assert need.sentence == "webinar is failing: 171 deliveries rejected, none was accepted."
    assert need.detail == "171 signature mismatch."


def test_a_silent_source_has_its_proof() -> None:
    proof = "usually 37 between Tue 09:00 and 11:40 (41, 36, 35, 38); none since 08:52"
    (need,) = needs([], [], [], [("crm", proof)], [], NOW)
    assert (need.sentence, need.detail) == ("crm is silent.", f"U{proof[1:]}.")


def test_a_sender_that_hubspot_paused_needs_a_person_and_one_that_an_operator_paused_does_not() -> None:
    on_purpose = sender("on holiday", by="olga"), sender("by an operator")  # of an earlier version: who is not kept
    assert not needs([], [], [], [], [*on_purpose, sender(None)], NOW)
    (need,) = needs([], [], [], [], [sender("DISCONNECTED_INBOX")], NOW)
    assert need.sentence.startswith("The sender ben is paused: ")
    assert need.detail.startswith("Since 2 h ago; 3 enrollments waiting.")


def test_the_first_sentence_says_whether_a_person_is_needed() -> None:
    assert lead((), 331, 412, "24 hours") == (
        "Nothing needs a person: 331 people enrolled of 412 matched in the last 24 hours."
    )
    some = needs([], [group("no_sender", 1), group(None, 2)], [], [], [], NOW)
    assert next(one.sentence for one in some).startswith("1 enrollment is parked: ")
    assert lead(some, 1, 2, "7 days") == "2 things need a person; 1 person enrolled of 2 matched in the last 7 days."
    assert lead(some[:1], 0, 0, "7 days").startswith("One thing needs a person; 0 people enrolled")
