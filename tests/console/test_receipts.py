"""A sentence to paste for each state and each reason that the code can write: with the name, and never a code alone."""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.console.receipts.actions import OF_ACTIONS, target_named
from app.console.receipts.afterwards import OF_CONFIRMATION, REPLY
from app.console.receipts.decision import MOST_FACTS, DecisionFacts, decision_receipt
from app.console.receipts.delivery import REJECTIONS, rejection_sentence
from app.console.receipts.enrollment import EnrollmentFacts, receipt
from app.console.receipts.journal import CAUSES, line_sentence
from app.console.receipts.standing import forgotten, nothing_stored, suppressed, written_to
from app.console.receipts.wording import Clock, person_named
from app.enrollments.reasons import IN_STATE, OPEN, REASONS, why
from app.followup.ends import How
from app.hubspot.api.faults import faults
from app.model import State, Step, Verdict
from app.people.suppression import Kind, Suppression
from app.rules.actions import ACTIONS
from app.rules.match import decide
from tests.console import codes_in_use
from tests.support.rulebooks import book, event

AT = datetime(2026, 11, 24, 9, 14, tzinfo=UTC)
CLOCK = Clock(ZoneInfo("Europe/Berlin"), AT + timedelta(hours=5))
FACTS = EnrollmentFacts(
    person="Ada Okafor",
    target="Demo request",
    state=State.ENROLLED,
    rule="demo-request",
    description="Demo form, companies of 50 and more",
    updated_at=AT,
    due_at=AT + timedelta(days=1),
    enrolled_at=AT,
    sender="Anna Archer",
)
OWN = sorted(codes_in_use.reasons())
CODE_ALONE = re.compile(r"\b([a-z]+_[a-z_]+|[A-Z]+_[A-Z_]+)\b(?!:)")
PRONOUN = re.compile(r"\b(he|she|him|her|his|hers|they|them|their)\b", re.IGNORECASE)
# Reasons that are written with one state only; all others may come with each.
ONLY_IN = {"by_operator": State.CANCELLED, "by_rule": State.CANCELLED, "replaced": State.CANCELLED}


def assert_readable(text: str) -> None:
    """A sentence: no code outside of backticks and brackets, no pronoun, nothing that was not filled in."""
    plain = re.sub(r"`[^`]*`|\([^)]*\)", "", text)
    assert not CODE_ALONE.search(plain), text
    assert not PRONOUN.search(plain), text
    assert "{" not in text
    assert "None" not in text
    assert "  " not in text
    assert text.endswith(".")


def test_an_enrolled_person_is_told_of_in_one_sentence() -> None:
    text = receipt(replace(FACTS, replied_at=AT + timedelta(hours=2, minutes=48)), CLOCK)
    assert text.text == (
        "Ada Okafor was enrolled in Demo request on Tuesday 24 November at 10:14 CET, from Anna Archer's inbox, by the "
        "rule “Demo form, companies of 50 and more”. A reply came at 13:02."
    )
    assert text.notes == (REPLY,)


def test_a_refused_person_by_the_fault_and_the_remedy() -> None:
    facts = replace(FACTS, state=State.REFUSED, reason="BOUNCED", enrolled_at=None)
    assert receipt(facts, CLOCK).text == (
        "Ada Okafor was not enrolled in Demo request: an earlier e-mail to the contact bounced. This was settled on "
        "Tuesday 24 November at 10:14 CET, by the rule “Demo form, companies of 50 and more”. Where the address is "
        "good after all, have the bounce cleared in HubSpot and decide its event again (`segue decide --event ID`)."
    )


def test_a_held_person_by_why_and_until_when() -> None:
    text = receipt(replace(FACTS, state=State.HELD, reason="window"), CLOCK).text
    assert text.startswith(
        "Ada Okafor has not been enrolled in Demo request yet: the sending window of the rule is closed. Segue goes on "
        "with it on Wednesday 25 November at 10:14 CET; it was asked for by the rule"
    )


@pytest.mark.parametrize("by", ["marta", None])
def test_a_cancelled_one_by_whom(by: str | None) -> None:
    text = receipt(replace(FACTS, state=State.CANCELLED, reason="by_operator", by=by), CLOCK).text
    assert f"cancelled on Tuesday 24 November at 10:14 CET, by {by or 'an operator'}, before anything was sent" in text
    sent = replace(FACTS, state=State.CANCELLED, reason="by_operator", by=by, may_have_been_sent=True)
    assert "before anything was sent" not in receipt(sent, CLOCK).text
    assert "may have reached HubSpot" in receipt(sent, CLOCK).text


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("action", OF_ACTIONS)
@pytest.mark.parametrize("step", [None, Step.SENDING])
def test_every_state_has_a_sentence_with_the_name_with_every_reason_and_without(
    state: State, action: str, step: Step | None
) -> None:
    for reason in (None, *OWN, *faults(), "HTTP_418", "A_WORD_OF_TOMORROW"):
        if reason and ONLY_IN.get(reason, state) is not state:
            continue
        target = target_named(action, "310001", None)
        text = receipt(replace(FACTS, state=state, action=action, reason=reason, step=step, target=target), CLOCK)
        assert_readable(text.text)
        assert "Ada Okafor" in text.text
        assert text.code == reason


def test_every_reason_that_the_code_writes_has_a_sentence() -> None:
    known = {*REASONS, *(reason for _, reason in IN_STATE), *faults()}
    assert [reason for reason in OWN if reason not in known] == []
    assert len(OWN) > 30, "the reasons are not found any more: read tests/console/codes_in_use.py"


def test_no_sentence_is_left_for_a_reason_that_the_code_writes_no_more() -> None:
    assert sorted({*REASONS, *(reason for _, reason in IN_STATE)} - {*OWN, *faults()}) == []


def test_every_reason_says_what_to_do_where_a_person_must_look() -> None:
    parked = "unenroll_unfinished no_bridge bridge_refused no_owner no_sender window_never_opens unsettled unreadable"
    for reason in [*parked.split(), "gave_up", "after_restore", "no_outcome"]:
        assert why(State.PARKED, reason, name="Ada").do, reason


def test_a_reason_that_means_another_thing_in_another_state_says_so() -> None:
    parked, held = (why(state, "after_restore", name="Ada") for state in (State.PARKED, State.HELD))
    assert parked.clause != held.clause


@pytest.mark.parametrize("reason", sorted(OPEN))
def test_where_it_is_not_known_whether_a_request_worked_no_sentence_says_that_it_did_not(reason: str) -> None:
    text = receipt(replace(FACTS, state=State.PARKED, reason=reason), CLOCK).text
    assert text.startswith("It is not known whether Ada Okafor was enrolled in Demo request, and a person must look: ")


@pytest.mark.parametrize("state", [State.PARKED, State.CANCELLED, State.EXPIRED])
def test_a_request_that_may_have_worked_is_mentioned(state: State) -> None:
    text = receipt(replace(FACTS, state=state, reason="gave_up", may_have_been_sent=True), CLOCK).text
    assert "It is not known whether" in text or "A request may have reached HubSpot" in text


def test_every_action_of_rules_has_its_words() -> None:
    assert sorted(OF_ACTIONS) == sorted(set(ACTIONS) - {Verdict.IGNORE})


def test_every_cause_of_the_journal_has_a_sentence_and_no_other() -> None:
    assert sorted(codes_in_use.causes()) == sorted(CAUSES)
    assert len(CAUSES) > 40


@pytest.mark.parametrize("cause", [*CAUSES, "of_tomorrow"])
def test_a_line_of_the_journal_is_readable(cause: str) -> None:
    assert_readable(f"{line_sentence(cause, None)}.")
    assert "a***@corp.example" in line_sentence("held", "for ada@corp.example")


def test_a_line_names_who_did_it() -> None:
    assert line_sentence("released_by_operator", None, by="marta") == "released by marta"
    assert line_sentence("cancelled_by_rule", "enr_1", by="the rule “Booked”") == "cancelled by the rule “Booked”"


def test_every_reason_of_a_rejection_has_a_sentence_and_no_other() -> None:
    assert sorted(codes_in_use.rejections()) == sorted(REJECTIONS)


@pytest.mark.parametrize("reason", [*REJECTIONS, "of_tomorrow"])
def test_a_rejection_is_readable_and_says_what_to_do(reason: str) -> None:
    text = rejection_sentence("demo-form", reason, AT, CLOCK)
    assert_readable(text)
    assert text.startswith("A delivery to demo-form was rejected on Tuesday 24 November at 10:14 CET: ")


@pytest.mark.parametrize("verdict", [*Verdict, *ACTIONS])
@pytest.mark.parametrize("rule", ["demo-request", None])
def test_every_verdict_has_a_sentence(verdict: str, rule: str | None) -> None:
    facts = DecisionFacts("Ada Okafor", verdict, "duplicate of enr_1", AT, rule=rule, target="Demo request")
    assert_readable(re.sub(r"\b(enr|dec)_\w+", "it", decision_receipt(facts, CLOCK).text))


def test_a_decision_without_a_match_says_what_each_rule_read() -> None:
    looks = [
        {"rule": f"r{n}", "line": n, "matched": False, "because": "its condition is false: event.data.n > 1",
         "detail": "event.data.n is 0", "error": False}
        for n in range(MOST_FACTS + 2)
    ]  # fmt: skip
    found = decision_receipt(DecisionFacts("Ada", "none", "r0: ...", AT, facts=looks), CLOCK)
    assert found.text == "Ada was not enrolled in a sequence: 7 rules looked at it, and no condition was true."
    assert found.notes[0] == "R0, line 0: its condition is false: event.data.n > 1 (event.data.n is 0)."
    assert found.notes[-1] == "2 more rules looked at it and did not match."


RULES = """
  - {id: one, description: Large ones, source: crm, type: a, when: 'event.data.n > 1', enroll: {sequence: "1", sender: anna}}
  - {id: two, source: crm, type: b, when: 'event.data.n > 1', ignore: true}
  - {id: three, source: crm, type: b, when: 'event.data.n < -5', note: {body: hello}}
"""  # noqa: E501  # one rule to a line


@pytest.mark.parametrize(
    ("about", "text"),
    [
        ({"data": {"n": 2}}, "The rule “Large ones” matched on"),
        ({"data": {"n": 0}}, "one rule listens to such events, and its condition was not true."),
        ({"data": {}}, "one rule listens to such events, and its condition could not be evaluated."),
        ({"data": {"n": 2}, "email": None}, "“Large ones” matched, but the event has no usable e-mail address."),
        ({"data": {"n": 2}, "email": "x@users.noreply.github.com"}, "but there is no address of the person: GitHub"),
        ({"kind": "b", "data": {"n": 2}}, "says to do nothing about such events."),
        ({"kind": "b", "data": {"n": 0}}, "2 rules looked at it, and no condition was true."),
        ({"kind": "c"}, "Ada was not enrolled in a sequence: no rule listens to such events."),
        ({"dropped": "member 3 is not an object"}, "which cannot be used: member 3 is not an object."),
    ],
)  # fmt: skip
def test_whatever_the_rules_come_to_has_a_sentence(about: dict[str, Any], text: str) -> None:
    (decision,) = decide(event(**about), book(RULES))
    described = {"one": "Large ones"}.get(decision.rule or "")
    facts = DecisionFacts(
        "Ada", decision.verdict, decision.reason, AT, decision.rule, described, decision.line,
        [asdict(fact) for fact in decision.facts],
    )  # fmt: skip
    found = decision_receipt(facts, CLOCK)
    assert_readable(found.text)
    assert text in found.text


def test_a_duplicate_names_what_holds_the_reason_and_until_when() -> None:
    facts = DecisionFacts("Ada", "duplicate", "duplicate of enr_1", AT, rule="crm-qualified", target="Demo request")
    assert decision_receipt(facts, CLOCK).text.endswith("is taken by enr_1.")
    assert "taken, until Thursday 24 December" in decision_receipt(replace(facts, until=AT + timedelta(30)), CLOCK).text


@pytest.mark.parametrize("how", How)
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("at", [AT + timedelta(days=2), None])
def test_an_end_says_what_is_inferred(how: How, known: bool, at: datetime | None) -> None:  # noqa: FBT001  # a parameter of the test
    why_ended = "known: it ran to its end; inferred: because of a reply"
    found = receipt(replace(FACTS, ended=how, ended_known=known, ended_at=at, ended_why=why_ended), CLOCK)
    assert_readable(found.text)
    assert ("probably" in found.text) is (not known)
    assert found.notes == ("Of the end is known: it ran to its end; inferred: because of a reply.",)


def test_what_is_in_doubt_about_an_enrollment_is_noted() -> None:
    assert "inferred" in receipt(replace(FACTS, has_answer=False), CLOCK).notes[0]
    for confirmation, note in OF_CONFIRMATION.items():
        assert receipt(replace(FACTS, confirmation=confirmation), CLOCK).notes == (note,)
    assert receipt(replace(FACTS, confirmation="seen"), CLOCK).notes == ()


def test_another_year_is_named_and_every_zone_has_a_name() -> None:
    assert CLOCK.moment(AT.replace(year=2025)).endswith("24 November 2025 at 10:14 CET")
    for zone, name in (("Asia/Kathmandu", "UTC+0545"), ("UTC", "UTC"), ("America/Sao_Paulo", "UTC-03")):
        assert Clock(ZoneInfo(zone), AT).moment(AT).endswith(name)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"email": "ada@corp.example", "first_name": "Ada", "last_name": "Okafor"}, "Ada Okafor"),
        ({"email": "ada@corp.example", "name": "Ada  Okafor "}, "Ada Okafor"),
        ({"email": "ada@corp.example", "first_name": " "}, "a***@corp.example"),
        ({"email": "ada@corp.example", "name": "ada@corp.example"}, "a***@corp.example"),
        ({"email": "forgotten"}, "A person who was forgotten"),
        ({"email": None}, "A person whose address is not known"),
    ],
)
def test_a_person_is_named_and_no_address_is_shown(fields: dict[str, str], name: str) -> None:
    assert person_named(**fields) == name


def test_how_a_person_stands() -> None:
    assert_readable(nothing_stored("a***@corp.example").text)
    assert_readable(forgotten(AT, CLOCK).text)
    assert_readable(forgotten(None, CLOCK).text)
    for kind, value in ((Kind.ADDRESS, "ada@corp.example"), (Kind.DOMAIN, "corp.example"), (Kind.PATTERN, "*@*.gov")):
        for by_rules in (True, False):
            text = suppressed("Ada", Suppression(kind, value), by_rules=by_rules)
            assert_readable(text)
            assert "ada@" not in text
    assert written_to(1, 3, timedelta(days=30)) == "1 of 3 in 30 days"
    assert written_to(1, None, timedelta(days=30)) == "1 in 30 days"


TEXTS = st.text(max_size=40) | st.none()
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)) | st.none()  # noqa: DTZ001  # hypothesis adds the zone


@given(
    st.sampled_from(list(product(State, [None, "window", "BOUNCED"]))),
    st.fixed_dictionaries(
        {"ended": TEXTS, "ended_why": TEXTS, "detail": TEXTS, "description": TEXTS, "sender": TEXTS, "step": TEXTS}
    ),
    st.fixed_dictionaries(dict.fromkeys(("enrolled_at", "sending_at", "ended_at", "replied_at"), TIMES)),
)
def test_whatever_a_row_holds_there_is_a_sentence(
    state: tuple[State, str | None], texts: dict[str, str | None], times: dict[str, datetime | None]
) -> None:
    values: dict[str, Any] = {**texts, **times}
    found = receipt(replace(FACTS, state=state[0], reason=state[1], **values), CLOCK)
    assert "Ada Okafor" in found.text


@given(st.text(max_size=60), st.text(max_size=60) | st.none())
def test_no_line_of_the_journal_fails(cause: str, detail: str | None) -> None:
    assert line_sentence(cause, detail)
