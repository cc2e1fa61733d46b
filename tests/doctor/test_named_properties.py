"""Each property in the rules file is held to HubSpot's definition: by `doctor`, and by `check --against-hubspot`."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from app.rules.expressions import compiled
from app.rules.known_values import known_value

if TYPE_CHECKING:
    from tests.doctor.conftest import Practice

SECRET = "whsec_b3V0Ym91bmQtbWFkZS11cC1zZWNyZXQtMQ=="
RULES = f"""version: 1
accounts:
  main:
    token: "${{SEGUE_HUBSPOT_TOKEN}}"
    write_back:
      source: segue_source
    unenroll: {{property: segue_away, value: "Yes"}}
sources: {{crm: {{provider: standard-webhooks, secrets: ["{SECRET}"]}}}}
senders: {{anna: {{user_id: "7001", email: anna@acme.example}}}}
rules:
  - id: demo
    source: crm
    type: demo
    enroll: {{sequence: "310001", sender: anna}}
    contact:
      set:
        city: event.company
        tier: "'bronze'"
        sum: event.data.sum
        lead_source: event.type
        employees: event.company
        interests: '["Bees", "wasps"]'
        jobtitle: event.data.tags.map(tag, tag)
        since: event.occurred_at
        vip: event.data.score > 50
      require: {{topic: "ants", phone: null, employees: "many"}}
"""
DEFINED: list[Any] = [
    {"name": "tier", "type": "enumeration", "options": ["gold"]},
    {"name": "sum", "type": "number", "calculated": True},
    {"name": "employees", "type": "number"},
    {"name": "interests", "type": "enumeration", "options": ["bees"], "several": True},
    {"name": "since", "type": "date"},
    {"name": "vip", "type": "bool"},
    {"name": "topic", "type": "enumeration", "options": ["bees"]},
    {"name": "segue_source", "type": "number"},
    {"name": "segue_away", "type": "bool"},
]
PARKED = "an enrollment that writes it is parked"
MISSING = f"HubSpot lists no contact property of this name; {PARKED}"
WRONG = [
    (
        18,
        "error",
        "rule demo, `contact.set`: tier: 'bronze' is none of its options; an enrollment that writes it is parked",
    ),
    (19, "error", "rule demo, `contact.set`: sum: its value is read-only; an enrollment that writes it is parked"),
    (20, "warning", f"rule demo, `contact.set`: lead_source: {MISSING}"),
    (
        21,
        "warning",
        "rule demo, `contact.set`: employees: its type is number, which a text does not fit; it is left out",
    ),
    (22, "error", f"rule demo, `contact.set`: interests: 'wasps' is none of its options; {PARKED}"),
    (
        23,
        "warning",
        "rule demo, `contact.set`: jobtitle: its type is string, which a list does not fit; it is left out",
    ),
    (
        26,
        "error",
        "rule demo, `contact.require`: topic: 'ants' is none of its options; an enrollment that writes it is parked",
    ),
    (26, "error", f"rule demo, `contact.require`: employees: its type is number, which 'many' does not fit; {PARKED}"),
    (7, "error", f"account main, `unenroll`: segue_away: its type is bool, which 'Yes' does not fit; {PARKED}"),
]
BACK = (6, "warning", "segue_source: its type is number, which 'crm' does not fit; contacts are written without it")


def write(practice: Practice, rules: str = RULES) -> str:
    path = practice.folder / "rules.yaml"
    path.write_text(rules, encoding="utf-8")
    return str(path)


def test_check_names_file_line_and_property_of_each_mistake(practice: Practice) -> None:
    practice.control("settings", {"extra_properties": DEFINED})
    path = write(practice)
    result = practice.run("check", path, "--against-hubspot", "--json")
    found = [one for one in json.loads(result.stdout) if one["level"] != "note"]
    back = (*BACK[:2], f"account main, `write_back`: {BACK[2]}")
    assert [(one["line"], one["level"], one["message"].rpartition("; ")[0]) for one in found] == [*WRONG, back]
    assert {one["file"] for one in found} == {path}
    assert result.exit_code == 3
    assert practice.calls()["routes"] == {"properties": {"200": 1}}


def test_doctor_tells_the_same_with_their_places(practice: Practice) -> None:
    practice.control("settings", {"extra_properties": DEFINED})
    path = write(practice)
    result = practice.run("doctor", "--json")
    findings = json.loads(result.stdout)["findings"]
    found = [(one["status"], one["told"]) for one in findings if one["check"] == "contact properties"]
    levels = {"error": "failed", "warning": "warning"}
    assert found == [(levels[level], f"{path}:{line}: {told}") for line, level, told in WRONG]
    (back,) = [one["told"] for one in findings if one["check"] == "write_back source"]
    assert back == f"{path}:{BACK[0]}: {BACK[2]}"
    assert result.exit_code == 1


def test_rules_that_fit_have_no_findings(practice: Practice) -> None:
    practice.control("settings", {"extra_properties": [*DEFINED[:1], "segue_source", {"name": "segue_away"}]})
    kept = re.sub(r"        (sum|lead_source|employees|interests|jobtitle|since|vip): .*\n", "", RULES)
    path = write(
        practice, kept.replace("bronze", "GOLD").replace("topic:", "website:").replace(', employees: "many"', "")
    )
    result = practice.run("check", path, "--against-hubspot")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, f"{path}: no findings")


def test_without_the_option_and_without_properties_hubspot_is_not_asked(practice: Practice) -> None:
    path = write(practice)
    assert practice.run("check", path).exit_code == 0
    bare = re.sub(r"    (contact|write_back):\n(      .*\n)+|    unenroll: .*\n", "", RULES)
    assert practice.run("check", write(practice, bare), "--against-hubspot").exit_code == 0
    assert practice.calls()["total"] == 0


def test_a_mistake_in_the_rules_comes_first(practice: Practice) -> None:
    path = write(practice, RULES.replace("event.company", "event.nothing", 1))
    result = practice.run("check", path, "--against-hubspot")
    assert result.exit_code == 3
    assert "an event has no field 'nothing'" in result.stdout
    assert practice.calls()["total"] == 0


def test_definitions_that_cannot_be_read_end_the_command(practice: Practice) -> None:
    practice.refuse("properties", 403, "MISSING_SCOPES")
    result = practice.run("check", write(practice), "--against-hubspot")
    assert str(result.exception) == (
        "--against-hubspot: which properties HubSpot has in account 'main' cannot be read: HubSpot answered 403"
        " MISSING_SCOPES"
    )


@pytest.mark.parametrize(
    ("expression", "described", "exact"),
    [
        ("'pro'", "'pro'", True),
        ("['a', 'b']", "'a', 'b'", True),
        ("1 + 1", "'2'", True),
        ("event.exit", "true or false", True),
        ("has(event.data.plan)", "true or false", True),
        ('has_answer("Company size")', "true or false", True),
        ("now()", "a time", False),
        ("size(event.data.plan)", "a number", False),
        ("event.occurred_at", "a time", False),
        ("[event.company]", "a list", False),
        ("event.first_name", "a text", False),
    ],
)
def test_constants_and_kinds_are_known_beforehand(expression: str, described: str, *, exact: bool) -> None:
    known = known_value(compiled(expression))
    assert known is not None
    assert (known.described, known.exact) == (described, exact)


@pytest.mark.parametrize(
    "expression", ["event.data.plan", "lower(event.company)", "'a' + event.company", "null", "1/0"]
)
def test_what_events_decide_is_not_known(expression: str) -> None:
    assert known_value(compiled(expression)) is None


def test_a_variable_is_not_shown(practice: Practice) -> None:
    practice.control("settings", {"extra_properties": DEFINED})
    path = write(practice, RULES.replace("'bronze'", "'${TIER}'"))
    result = practice.run("check", path, "--against-hubspot", TIER="hunter2")
    assert "tier" not in result.stdout
    assert "hunter2" not in result.stdout
