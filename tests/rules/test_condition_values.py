"""Each rule that listened to an event, with the values that its condition read: then, by an earlier book, and now."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from app.rules.condition_values import (
    CameTo,
    Presence,
    Result,
    came_to,
    is_same,
    looks_now,
    looks_then,
    rule_expressions,
    values_read,
)
from app.rules.earlier import compiled_earlier
from app.rules.file.documents import Document, documents_to_text
from app.rules.match import decide
from tests.support.rulebooks import HEAD, book, event

RULES = """
  - {id: partner, description: Sent by a partner, source: crm, type: a, when: 'has(event.data.partner) && event.data.partner != ""', ignore: true}
  - {id: big, source: crm, type: a, when: 'event.data.employees >= 50 && !is_free_mail(event.email)', enroll: {sequence: "1", sender: anna}, contact: {set: {company: event.company}}}
  - {id: rest, source: crm, type: a, enroll: {sequence: "2", sender: ben}}
"""  # noqa: E501  # one rule to a line
BOOK = book(RULES)
BIG = event(data={"employees": 80})


def test_every_listening_rule_says_what_came_of_its_look_and_what_it_read() -> None:
    partner, big, rest = looks_now(BIG, BOOK)
    assert (partner.rule, partner.result, partner.description) == ("partner", Result.NO_MATCH, "Sent by a partner")
    assert [(one.path, one.presence) for one in partner.values] == [("event.data.partner", Presence.ABSENT)]
    assert big.result is Result.MATCHED
    assert [(one.path, one.value) for one in big.values] == [
        ("event.data.employees", "80"),
        ("event.email", '"Ada@Corp.example"'),
    ]
    assert (rest.result, rest.condition, rest.values) == (Result.NOT_ASKED, None, ())
    assert rest.because == "a rule above it had decided"


def test_what_passed_with_the_retention_is_said_to_be_forgotten_and_the_rest_is_still_read() -> None:
    _, big, _ = looks_now(event(data={}), BOOK, readable=False)
    assert [one.presence for one in big.values] == [Presence.FORGOTTEN, Presence.THERE]


def test_an_error_is_no_match() -> None:
    _, big, rest = looks_now(event(data={}), BOOK)
    assert (big.result, rest.result) == (Result.ERROR, Result.MATCHED)


def test_then_is_told_by_the_stored_facts_and_the_book_of_that_time() -> None:
    (then,) = decide(BIG, BOOK)
    stored = [asdict(fact) for fact in then.facts]
    looks = looks_then(stored, BIG, BOOK)
    assert [look.result for look in looks] == [Result.NO_MATCH, Result.MATCHED, Result.NOT_ASKED]
    assert looks[0].because == then.facts[0].because
    assert [look.result for look in looks_then([], BIG, BOOK)] == [Result.NOT_ASKED] * 3


def test_an_earlier_book_is_read_without_its_secrets_and_never_shows_what_stands_in_for_them() -> None:
    text = HEAD + """  - {id: one, source: crm, type: a, when: 'event.data.key == "${KEY}"', ignore: true}\n"""
    earlier = compiled_earlier(documents_to_text((Document("rules.yaml", text),)))
    assert earlier is not None
    (look,) = looks_now(event(data={"key": "x"}), earlier)
    assert look.has_variables
    assert look.condition == 'event.data.key == "${KEY}"'
    assert "placeholder" not in repr(look)


def test_a_book_that_this_version_cannot_read_is_none() -> None:
    assert compiled_earlier(documents_to_text((Document("rules.yaml", "version: 99\n"),))) is None


def test_earlier_books_are_kept_compiled() -> None:
    text = documents_to_text((Document("rules.yaml", HEAD + RULES),))
    assert compiled_earlier(text) is compiled_earlier(text)


def test_what_a_rule_writes_is_read_too() -> None:
    assert rule_expressions(BOOK.rules[1])[1] == "event.company"
    (company,) = values_read(["event.company"], event(company="Brightmill"))
    assert (company.value, company.steps) == ('"Brightmill"', ("company",))


@pytest.mark.parametrize(
    ("then", "same"),
    [
        (CameTo("enroll", "big", "1"), True),
        (CameTo("enroll", "big"), True),
        (CameTo("duplicate", "big"), True),
        (CameTo("enroll", "big", "9"), False),
        (CameTo("enroll", "rest", "1"), False),
        (CameTo("none", None), False),
        (CameTo("ignore", "big"), False),
    ],
)
def test_then_and_now_are_compared(then: CameTo, same: bool) -> None:  # noqa: FBT001  # a parameter of the test
    assert is_same([then], came_to(decide(BIG, BOOK))) is same
    assert not is_same([then, then], came_to(decide(BIG, BOOK)))


def test_a_dropped_event_was_looked_at_by_no_rule() -> None:
    assert came_to(decide(event(dropped="no object"), BOOK)) == (CameTo("dropped", None),)
    assert {look.result for look in looks_now(event(dropped="no object"), BOOK)} == {Result.NOT_ASKED}
