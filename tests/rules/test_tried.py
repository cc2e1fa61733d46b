"""Trying an event: what it comes to, and how each rule that listens to it looked at it."""

from __future__ import annotations

from typing import Any

import pytest

from app.errors import NoEvent
from app.model import Verdict
from app.rules.examples import run_examples
from app.rules.tried import Looked, event_of, read_event, tried
from app.rules.written import written_rules
from tests.conftest import NOON
from tests.support.rulebooks import book, event, loaded

RULES = book("""
  - {id: broken, source: crm, type: a, when: event.data.seats > 5, ignore: true, on_error: next}
  - {id: small, source: crm, type: a, when: event.data.employees < 50, ignore: true}
  - {id: large, description: Large ones, source: crm, type: [a, b], enroll: {sequence: "310001", sender: anna}}
  - {id: last, source: crm, type: a, ignore: true}
""")


def test_each_rule_says_how_it_looked() -> None:
    found = tried(event(data={"employees": 80}), RULES)
    assert found.heard
    assert [one.verdict for one in found.decisions] == [Verdict.ENROLL]
    assert [(one.rule, one.looked) for one in found.rules] == [
        ("broken", Looked.ERROR),
        ("small", Looked.FALSE),
        ("large", Looked.MATCHED),
        ("last", Looked.NOT_REACHED),
    ]
    assert [one.detail for one in found.rules] == [
        "event.data has no `seats`; it has: employees",
        "event.data.employees is 80",
        "",
        "",
    ]


def test_what_no_rule_listens_to_is_said() -> None:
    found = tried(event("c"), RULES)
    assert (found.heard, found.rules) == (False, ())
    assert found.decisions[0].reason == "no rule listens to it"


def test_an_event_is_read_as_examples_write_it() -> None:
    read = read_event('{"source": "crm", "type": "a", "name": "Ada Okafor", "occurred_at": "2026-11-23"}', RULES, NOON)
    assert (read.source, read.type, read.first_name, read.last_name) == ("crm", "a", "Ada", "Okafor")
    assert (str(read.occurred_at), read.received_at) == ("2026-11-23 00:00:00+00:00", NOON)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"source": "nowhere"}, "there is no source 'nowhere'; name one of crm"),
        ({}, "there is no source None"),
        ({"source": ["crm"]}, "has the wrong type"),
        ({"source": "crm", "mail": "x"}, "unknown fields mail"),
        ({"source": "crm", "type": 5}, "type has the wrong type"),
        ({"source": "crm", "exit": "yes"}, "exit has the wrong type"),
        ({"source": "crm", "data": [1]}, "data has the wrong type"),
        ({"source": "crm", "occurred_at": "soon"}, "occurred_at is no ISO 8601 instant"),
    ],
)
def test_what_is_wrong_with_an_event_is_named(given: dict[str, Any], said: str) -> None:
    with pytest.raises(NoEvent, match=said):
        event_of(given, RULES, NOON)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 200 + "]" * 200, '{"source": "crm", "source": "crm"}'])
def test_what_is_no_json_object_is_no_event(text: str) -> None:
    with pytest.raises(NoEvent):
        read_event(text, RULES, NOON)


def test_rules_are_listed_as_they_are_written() -> None:
    text = """version: 1
sources: {crm: {provider: json, verify: none, allow_unverified: true}}
senders: {anna: {user_id: "7001", email: anna@acme.example}}
rules:
  - id: demo
    description: Who asks for a demo
    source: crm
    type: [a, b]
    when: event.data.key == "${KEY}"
    enroll: {sequence: "${SEQUENCE}", sender: anna}
    contact: {set: {lead: '"${KEY}"'}}
    dedupe: {intent: demo, for: 30d}
    examples:
      - {name: right, event: {data: {key: "${KEY}"}, email: ada@corp.example}, expect: {enroll: "${SEQUENCE}"}}
      - {name: wrong, event: {data: {key: "${KEY}"}, email: ada@corp.example}, expect: none}
"""
    rules = loaded(text, KEY="the-value", SEQUENCE="310001")
    (rule,) = written_rules(rules, run_examples(rules))
    assert (rule.id, rule.line, rule.description, rule.types) == ("demo", 5, "Who asks for a demo", ("a", "b"))
    assert (rule.when, rule.action, rule.account) == ('event.data.key == "${KEY}"', "enroll", None)
    assert rule.does == {
        "enroll": {"sequence": "${SEQUENCE}", "sender": "anna"},
        "contact": {"set": {"lead": '"${KEY}"'}},
        "dedupe": {"intent": "demo", "for": "30d"},
    }
    assert (rule.goes_on, rule.stops_on_error, rule.examples) == (False, False, 2)
    assert [outcome.example for outcome in rule.failing] == ["wrong"]
