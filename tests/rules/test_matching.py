"""What rules come to: first match wins, errors are no matches, and every decision says why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.errors import RulebookError
from app.model import Account, UnenrollWorkflow, Verdict
from app.rules.examples import run_examples
from app.rules.file.documents import Document
from app.rules.lint import lint
from app.rules.load import load
from app.rules.match import LONGEST_CONDITION, decide, heard
from app.sources import PROVIDERS
from tests.support.rulebooks import HEAD, book, event

ONE = '  - {id: one, source: crm, type: a, enroll: {sequence: "1", sender: anna}}\n'
TWO = '  - {id: two, source: crm, type: a, enroll: {sequence: "2", sender: ben}}\n'


def with_condition(rule: str, condition: str, **keys: str) -> str:
    more = "".join(f", {name}: {value}" for name, value in keys.items())
    return rule.replace("type: a,", f"type: a, when: '{condition}'{more},")


def rules_of(rules: str, **fields: Any) -> list[str | None]:
    return [decision.rule for decision in decide(event(**fields), book(rules))]


def test_the_first_match_wins() -> None:
    assert rules_of(ONE + TWO) == ["one"]
    assert rules_of(with_condition(ONE, "false") + TWO) == ["two"]


def test_continue_looks_on() -> None:
    assert rules_of(ONE.replace("type: a,", "type: a, continue: true,") + TWO) == ["one", "two"]


def test_a_rule_may_listen_to_several_types() -> None:
    rulebook = book(ONE.replace("type: a", "type: [a, b, a]"))
    assert heard(event("b"), rulebook)
    assert not heard(event("c"), rulebook)
    assert len(decide(event("a"), rulebook)) == 1


def test_a_decision_names_the_request_in_full() -> None:
    rules = ONE.replace(
        "enroll:",
        "contact: {set: {firstname: event.first_name, score: event.data.score}, require: [firstname]}, "
        "dedupe: {intent: demo, for: 14d}, enroll:",
    )
    rulebook = book(rules)
    (decision,) = decide(event(first_name=" Ada ", data={"score": 7}), rulebook)
    assert (decision.verdict, decision.rule, decision.line) == (Verdict.ENROLL, "one", 5)
    assert decision.revision == rulebook.revision
    request = decision.enroll
    assert request is not None
    assert (request.account, request.email, request.sequence) == ("main", "ada@corp.example", "1")
    assert request.plan.sender == "anna"
    assert request.properties == {"firstname": "Ada", "score": "7"}
    assert request.require == ("firstname",)
    assert (request.intent.name, request.intent.period) == ("demo", timedelta(days=14))


@pytest.mark.parametrize(
    ("does", "written"),
    [
        ('enroll: {sequence: "1", sender: anna}', True),
        ('workflow: {id: "9"}', True),
        ("update: true", True),
        ("cancel: true", False),
        ("unenroll: true", False),
    ],
)
def test_what_writes_a_contact_says_why_where_the_account_says(does: str, *, written: bool) -> None:
    back = (("source", "segue_source"), ("decision", "segue_decision"))
    account = Account("main", "x", write_back=back, unenroll=UnenrollWorkflow(workflow="1"))
    documents = (Document("rules.yaml", f"{HEAD}  - {{id: one, source: crm, type: a, {does}}}\n"),)
    (decision,) = decide(event(), load(documents, environment={}, providers=PROVIDERS, default_account=account))
    assert decision.enroll is not None
    assert decision.enroll.plan.write_back == (back if written else ())


def test_what_fills_a_required_property_has_no_blanks_around_it() -> None:
    rules = ONE.replace("enroll:", 'contact: {require: {firstname: " there ", company: null}}, enroll:')
    (decision,) = decide(event(), book(rules))
    assert decision.enroll is not None
    assert decision.enroll.require == ("firstname", "company")
    assert decision.enroll.plan.defaults == (("firstname", "there"),)


def test_neither_an_event_nor_a_variable_chooses_which_property_is_written() -> None:
    rules = ONE.replace("enroll:", "contact: {set: {event.id: event.id}}, enroll:")
    (decision,) = decide(event(id="lifecyclestage"), book(rules))
    assert decision.enroll is not None
    assert decision.enroll.properties == {"event.id": "lifecyclestage"}
    with pytest.raises(RulebookError, match="must match"):
        book(rules.replace("{event.id:", '{"${PROPERTY}":'), PROPERTY="lifecyclestage")


def test_the_intent_is_the_sequence_for_thirty_days_where_nothing_else_is_said() -> None:
    (decision,) = decide(event(), book(ONE))
    assert decision.enroll is not None
    assert (decision.enroll.intent.name, decision.enroll.intent.period) == ("sequence:1", timedelta(days=30))


def test_ignore_ends_it_without_an_enrollment() -> None:
    (decision,) = decide(event(), book("  - {id: no, source: crm, type: a, ignore: true}\n" + TWO))
    assert (decision.verdict, decision.rule, decision.enroll) == (Verdict.IGNORE, "no", None)


@pytest.mark.parametrize("email", [None, "", "nobody", "a@b", "two@at@signs.example"])
def test_an_event_without_a_usable_address_enrolls_no_person(email: str | None) -> None:
    (decision,) = decide(event(email=email), book(ONE))
    assert (decision.verdict, decision.rule) == (Verdict.NONE, "one")
    assert decision.reason == "the event has no usable e-mail address"


def test_what_is_not_seen_in_an_address_is_taken_off_and_the_decision_says_so() -> None:
    condition = 'event.email == "ada@corp.example"'
    (decision,) = decide(event(email=" \u200bada@corp\u00ad.example"), book(with_condition(ONE, condition)))
    assert decision.enroll is not None
    assert decision.enroll.email == "ada@corp.example"
    assert decision.facts[0].because.startswith("its condition is true; characters that are not seen")


@pytest.mark.parametrize(
    ("email", "kind"),
    [
        ("15550100@sms.cal.com", "Cal.com makes it of a phone number"),
        ("1+ada@Users.NoReply.GitHub.com", "GitHub gives it"),
        ("x7w\u200b@marketplace.amazon.co.uk", "Amazon relays it"),
        ("x7w@members.ebay.de", "eBay relays it"),
        ("x7w@scs.tiktokw.us", "TikTok Shop relays it"),
        ("x7w@scs3.tiktok.com", "TikTok Shop relays it"),
        ("x7w@chat-seller-us.tiktok.com", "TikTok Shop relays it"),
        ("x7w@guest.booking.com", "Booking.com relays it"),
        ("no-email@channelengine.com", "ChannelEngine writes it"),
        ("user123@shop.invalid", "a domain that never exists"),
    ],
)
def test_an_address_that_a_tool_made_up_is_no_address_of_the_person(email: str, kind: str) -> None:
    (decision,) = decide(event(email=email), book(ONE))
    assert (decision.verdict, decision.rule, decision.enroll) == (Verdict.NONE, "one", None)
    assert decision.reason.startswith(f"there is no address of the person: {kind}")


@pytest.mark.parametrize(
    "email",
    [
        "x7w@privaterelay.appleid.com",
        "x7w@mozmail.com",
        "support@channelengine.com",
        "ada@amazon.com",
        "ada@sms.cal.com.example",
        "ada@invalid.example",
    ],
)
def test_a_relay_that_reaches_the_person_is_an_address(email: str) -> None:
    assert rules_of(ONE, email=email) == ["one"]


def test_every_no_quotes_its_condition() -> None:
    (decision,) = decide(event(data={"x": 1}), book(with_condition(ONE, "event.data.x > 5")))
    assert (decision.verdict, decision.rule) == (Verdict.NONE, None)
    assert decision.reason == "one: its condition is false: event.data.x > 5"
    (fact,) = decision.facts
    assert (fact.rule, fact.line, fact.matched, fact.error) == ("one", 5, False, False)


def test_a_long_condition_is_quoted_in_part() -> None:
    condition = " && ".join(["event.data.x > 5"] * 20)
    (decision,) = decide(event(data={"x": 1}), book(with_condition(ONE, condition)))
    quoted = decision.reason.removeprefix("one: its condition is false: ")
    assert len(quoted) == LONGEST_CONDITION
    assert quoted.endswith("…")


@pytest.mark.parametrize(
    ("condition", "because"),
    [
        ("event.data.missing > 5", "could not be evaluated"),
        ("event.data.text > 5", "could not be evaluated"),
        ("event.data.x", "neither true nor false"),
        ("event.data.text", "neither true nor false"),
        ("event.data.x / 0 > 1", "could not be evaluated"),
        ("is_free_mail(event.data.x)", "could not be evaluated"),
        ('event.occurred_at > timestamp("2026-01-01T00:00:00Z")', "could not be evaluated"),
    ],
)
def test_what_cannot_be_evaluated_is_no_match_and_says_so(condition: str, because: str) -> None:
    subject = event(data={"x": 1, "text": "yes"})
    first, second = (
        decide(subject, book(with_condition(ONE, condition, on_error=then) + TWO))[0] for then in ("next", "stop")
    )
    assert first.rule == "two"
    assert second.verdict == Verdict.NONE
    for decision in (first, second):
        assert because in decision.facts[0].because
        assert decision.facts[0].error


def test_a_value_that_cannot_be_evaluated_writes_nothing_over_what_hubspot_has() -> None:
    rules = ONE.replace("enroll:", "contact: {set: {firstname: event.data.missing, company: event.company}}, enroll:")
    (decision,) = decide(event(company="  "), book(rules))
    assert decision.enroll is not None
    assert decision.enroll.properties == {}


def test_a_reason_quotes_the_condition_as_written_for_it_is_stored() -> None:
    rules = with_condition(ONE, 'event.data.key == "${SHARED}"')
    (decision,) = decide(event(data={"key": "other"}), book(rules, SHARED="hunter2"))
    assert decision.reason == 'one: its condition is false: event.data.key == "${SHARED}"'
    (decision,) = decide(event(data={"key": "hunter2"}), book(rules, SHARED="hunter2"))
    assert decision.verdict == Verdict.ENROLL


@pytest.mark.parametrize(
    "value", ["0.0 / 0.0", "1.0 / 0.0", "-1.0 / 0.0", "event.data.nan", "[[1]]", "[event.data]", "event.data"]
)
def test_what_no_property_can_hold_is_not_written_and_told(value: str) -> None:
    rules = ONE.replace("enroll:", f"contact: {{set: {{p: '{value}', company: event.company}}}}, enroll:")
    (decision,) = decide(event(company="Corp", data={"nan": float("nan")}), book(rules))
    assert decision.enroll is not None
    assert decision.enroll.properties == {"company": "Corp"}
    assert decision.facts[-1].because.startswith("it has no condition; p was not written: ")


def test_a_value_without_a_field_is_told_and_the_rule_matches_all_the_same() -> None:
    rules = ONE.replace("enroll:", "contact: {set: {p: event.data.plan}}, enroll:")
    (decision,) = decide(event(), book(rules))
    assert (decision.verdict, decision.reason) == ("enroll", "matched")
    assert "p was not written: " in decision.facts[-1].because


VALUES: list[tuple[str, Any]] = [
    ("null", None),
    ('" "', None),
    ("[]", None),
    ('["a", " b ", "", null]', ["a", "b"]),
    ("[1, true, 2.5]", ["1", "true", "2.5"]),
    ("1 == 1", "true"),
    ("3.0", "3"),
    ("0.0000001", "0.0000001"),
    ("event.occurred_at", "2026-11-28T10:00:00+00:00"),
]


@pytest.mark.parametrize(("value", "written"), VALUES)
def test_a_value_is_a_text_or_a_list_of_texts_and_an_empty_one_overwrites_nothing(value: str, written: Any) -> None:
    rules = ONE.replace("enroll:", f"contact: {{set: {{p: '{value}'}}}}, enroll:")
    (decision,) = decide(event(occurred_at=datetime(2026, 11, 28, 10, tzinfo=UTC)), book(rules))
    assert decision.enroll is not None
    assert decision.enroll.properties.get("p") == written
    assert decision.facts[-1].because == "it has no condition"


def test_the_request_is_that_of_the_rule_that_matched() -> None:
    (first,) = decide(event(), book(with_condition(ONE, "false") + TWO))
    assert first.enroll is not None
    assert (first.enroll.plan.sender, first.enroll.sequence, first.line) == ("ben", "2", 6)


@pytest.mark.parametrize(
    ("condition", "decides"),
    [
        ("event.data.x == 1", "two"),
        ("event.data.plan + 0 == 1", "one"),
        ("event.data.plan > 0.5", "one"),
        ("event.data.nested.list[0] == 2 && event.data.plan + 0 == 1", "one"),
        ('event.data.x == "18446744073709551616"', "one"),
        ('event.data.nested.list[1].startsWith("-1180591")', "one"),
        ("event.data.largest == 18446744073709551615u", "one"),
        ("event.email != null", "one"),
    ],
)
def test_a_number_beyond_64_bits_is_a_text_and_in_nothing_elses_way(condition: str, decides: str) -> None:
    data = {"x": 2**64, "plan": 1, "nested": {"list": [2, -(2**70)]}, "largest": 2**64 - 1}
    assert rules_of(with_condition(ONE, condition) + TWO, data=data) == [decides]


GUARD = "  - {id: guard, source: crm, type: a, when: 'event.data.tags.exists(t, t == \"no\")', ignore: true}\n"


@pytest.mark.parametrize(
    ("data", "because"),
    [
        ({"tags": ["y"] * 10_001 + ["no"]}, "its macros take more than 10,000 steps, the most of one evaluation"),
        ({}, "Key not found"),
        ({"tags": 2**64}, "could not be evaluated"),
    ],
)
@pytest.mark.parametrize("action", ["ignore", "cancel"])
def test_a_guard_that_cannot_be_evaluated_lets_no_one_through(data: dict[str, Any], because: str, action: str) -> None:
    guard = GUARD.replace("ignore", action)
    (stopped,) = decide(event(data=data), book(guard + TWO))
    assert stopped.verdict == Verdict.NONE
    assert because in stopped.reason
    assert stopped.reason.endswith("guard stops at an error: no rule after it was looked at")
    (passed,) = decide(event(data=data), book(guard.replace("id: guard", "id: guard, on_error: next") + TWO))
    assert passed.rule == "two"


def test_a_guard_sees_a_tag_beside_a_number_of_any_size() -> None:
    (decision,) = decide(event(data={"tags": ["no"], "ref": 2**64}), book(GUARD + TWO))
    assert decision.verdict == Verdict.IGNORE


@pytest.mark.parametrize(
    ("rules", "noted"),
    [
        (GUARD + TWO, True),
        (GUARD.replace("id: guard", "id: guard, on_error: next") + TWO, False),
        (GUARD.replace("id: guard", "id: guard, on_error: stop") + TWO, False),
        (TWO + GUARD, False),
        ("  - {id: guard, source: crm, type: a, continue: true, ignore: true}\n" + TWO, False),
        (GUARD.replace("type: a", "type: b") + TWO, False),
    ],
)
def test_check_notes_where_a_guard_would_stop_the_rules_after_it(rules: str, noted: bool) -> None:  # noqa: FBT001
    notes = [finding for finding in lint(book(rules)) if "cannot be evaluated" in finding.message]
    assert [(note.level, note.line) for note in notes] == ([("note", 5)] if noted else [])


def test_ignore_with_continue_looks_on() -> None:
    rules = "  - {id: no, source: crm, type: a, continue: true, ignore: true}\n" + TWO
    assert [d.verdict for d in decide(event(), book(rules))] == [Verdict.IGNORE, Verdict.ENROLL]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("event.data.whole", "3"),
        ("event.data.half", "3.5"),
        ("event.data.three", "3"),
        ("event.data.yes", "true"),
        ("event.data.no", "false"),
        ("event.occurred_at", "2026-01-05T12:00:00+00:00"),
        ("event.data.big", "123456789012"),
        ('event.first_name + "!"', "Ada!"),
        ("lower(event.email)", "ada@corp.example"),
        ("domain(event.email)", "corp.example"),
    ],
)
def test_values_are_written_as_hubspot_takes_them(value: str, written: str) -> None:
    rules = ONE.replace("enroll:", f"contact: {{set: {{p: '{value}'}}}}, enroll:")
    data = {"whole": 3, "half": 3.5, "three": 3.0, "yes": True, "no": False, "big": 123456789012}
    at = datetime(2026, 1, 5, 12, tzinfo=UTC)
    (decision,) = decide(event(first_name="Ada", occurred_at=at, data=data), book(rules))
    assert decision.enroll is not None
    assert decision.enroll.properties == {"p": written}


def test_a_time_is_compared_as_a_time() -> None:
    rules = with_condition(ONE, 'event.occurred_at > timestamp("2026-01-01T00:00:00Z")')
    assert rules_of(rules, occurred_at=datetime(2026, 1, 5, tzinfo=UTC)) == ["one"]
    assert rules_of(rules, occurred_at=datetime(2025, 1, 5, tzinfo=UTC)) == [None]


def test_free_mail_is_known_by_its_domain() -> None:
    rules = with_condition(ONE, "is_free_mail(event.email)")
    assert rules_of(rules, email="Cy@GMAIL.com") == ["one"]
    assert rules_of(rules, email="cy@corp.example") == [None]
    assert rules_of(rules, email=None) == [None]


def test_the_revision_is_of_the_text_and_nothing_else() -> None:
    assert book(ONE).revision == book(ONE).revision
    assert book(ONE).revision != book(ONE + "# a word\n").revision


def test_examples_pass_or_say_what_came_instead() -> None:
    rules = with_condition(ONE, "event.data.x > 5").replace(
        "sender: anna}}",
        "sender: anna}, examples: ["
        '{name: high, event: {email: a@corp.example, data: {x: 6}}, expect: {enroll: "1"}}, '
        "{name: low, event: {email: a@corp.example, data: {x: 1}}, expect: none}, "
        '{name: wrong, event: {email: a@corp.example, data: {x: 1}}, expect: {enroll: "1"}}, '
        "{name: ignored, event: {email: a@corp.example, data: {x: 9}}, expect: ignore}]}",
    )
    outcomes = run_examples(book(rules))
    assert [(o.example, o.difference) for o in outcomes] == [
        ("high", ""),
        ("low", ""),
        ("wrong", "expected enroll 1, got none (one: its condition is false: event.data.x > 5); event.data.x is 1"),
        ("ignored", "expected ignore, got enroll 1 by rule one"),
    ]
    assert {(o.rule, o.file, o.line) for o in outcomes} == {("one", "rules.yaml", HEAD.count("\n") + 1)}


def test_an_example_has_answers_an_arrival_and_the_parts_of_a_name() -> None:
    condition = 'has_answer("Size", "50+") && now() > timestamp("2026-01-01T00:00:00Z") && event.first_name == "Cleo"'
    example = (
        "{name: e, event: {email: a@corp.example, name: Cleo Ray, answers: {Size: 50+}, %s}, expect: {enroll: '1'}}"
    )
    rule = with_condition(ONE, condition).removesuffix("}\n")
    for times, passes in (
        ("received_at: 2026-02-01T00:00:00Z", True),
        ("occurred_at: 2026-02-01T00:00:00Z", True),
        ("received_at: 2025-02-01T00:00:00Z", False),
    ):
        (outcome,) = run_examples(book(f"{rule}, examples: [{example % times}]}}\n"))
        assert (outcome.difference == "") is passes, outcome


def test_a_rule_may_cancel_or_update_instead_of_enrolling() -> None:
    rules = """  - {id: left, source: crm, type: left, cancel: true}
  - {id: changed, source: crm, type: changed, update: true, contact: {set: {company: event.company}}}
"""
    known = book(rules)
    (left,) = decide(event("left"), known)
    (changed,) = decide(event("changed", company="Acme"), known)
    assert (left.verdict, changed.verdict) == ("cancel", "update")
    assert left.enroll is not None
    assert changed.enroll is not None
    assert (left.enroll.plan.action, left.enroll.properties, left.enroll.priority) == ("cancel", {}, 32_767)
    assert (changed.enroll.plan.action, changed.enroll.properties) == ("update", {"company": "Acme"})


def test_a_condition_reads_a_forms_answers_by_their_questions() -> None:
    rules = with_condition(ONE, 'event.answers["Company size"] == "50+" && "Sales" in event.answers["Interests"]')
    assert rules_of(rules, answers={"Company size": "50+", "Interests": ["Sales", "Support"]}) == ["one"]
    assert rules_of(rules, answers={"Company size": "1-49", "Interests": ["Sales"]}) == [None]


def test_an_answer_that_is_not_there_is_no_match_and_says_so() -> None:
    (decision,) = decide(event(), book(with_condition(ONE, 'event.answers["Company size"] == "50+"')))
    assert decision.facts[0].error
    assert "Company size" in decision.reason
