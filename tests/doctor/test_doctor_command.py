"""`segue doctor` as an operator runs it, against a sandbox process: each finding is produced."""

from __future__ import annotations

import json
import socket
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.doctor.conftest import ANNA, BEN, CLEO

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.doctor.conftest import Practice

ENROLL = "automation.sequences.enrollments.write"
STATUSES = {"ok", "warning", "failed", "unknown"}


def statuses(findings: dict[str, dict[str, str]]) -> dict[str, str]:
    return {check: one["status"] for check, one in findings.items()}


def test_an_account_that_is_ready_has_nothing_that_failed(practice: Practice) -> None:
    code, findings = practice.doctor()
    assert code == 0
    assert statuses(findings) == {
        "database": "unknown",
        "public URL": "unknown",
        "encryption": "ok",
        "HubSpot reachable": "ok",
        "token accepted": "ok",
        "scopes": "ok",
        "sender anna: user id": "ok",
        "sender anna: seat": "ok",
        "sender anna: inbox": "unknown",
        "sequence 310001": "ok",
        "contact properties": "ok",
        "legal basis": "unknown",
        "daily budget": "ok",
        "clock": "ok",
    }
    assert "Demo request" in findings["sequence 310001"]["told"]


def test_the_json_has_one_shape(practice: Practice) -> None:
    told = json.loads(practice.run("doctor", "--json").stdout)
    assert set(told) == {"failed", "findings"}
    assert told["failed"] is False
    for finding in told["findings"]:
        assert set(finding) == {"account", "check", "status", "told", "do"}
        assert finding["status"] in STATUSES
        assert finding["told"]
    assert {finding["account"] for finding in told["findings"]} == {"", "main"}


def test_for_people_there_is_one_line_for_each_check(practice: Practice) -> None:
    shown = practice.run("doctor").stdout
    assert "account main" in shown
    assert [line for line in shown.splitlines() if line.strip().startswith("ok") and "sender anna: seat" in line]


def test_a_wrong_token_fails_and_is_not_tried_again_and_again(practice: Practice) -> None:
    practice.refuse("account", 401, "INVALID_AUTHENTICATION")
    code, findings = practice.doctor()
    assert code == 1
    assert findings["token accepted"]["status"] == "failed"
    assert "INVALID_AUTHENTICATION" in findings["token accepted"]["told"]
    assert findings["HubSpot reachable"]["status"] == "ok"
    assert {check for check, status in statuses(findings).items() if status == "failed"} == {"token accepted"}
    assert practice.calls()["routes"] == {"account": {"401": 1}}


def test_a_token_that_no_account_has_fails(practice: Practice) -> None:
    code, findings = practice.doctor(SEGUE_HUBSPOT_TOKEN="made-up")
    assert (code, findings["token accepted"]["status"]) == (1, "failed")


def test_a_missing_scope_is_named(practice: Practice) -> None:
    code, findings = practice.doctor(SEGUE_HUBSPOT_TOKEN="pat-sandbox-read")
    assert code == 1
    assert findings["scopes"]["status"] == "failed"
    assert ENROLL in findings["scopes"]["told"]


def test_where_hubspot_does_not_tell_the_scopes_what_it_refuses_counts(practice: Practice) -> None:
    name = practice.name
    practice.name = ""  # the route asks for no token, so that its troubles are the first account's
    practice.refuse("token_info", 404, "OBJECT_NOT_FOUND")
    practice.name = name
    try:
        code, findings = practice.doctor()
        assert (code, findings["scopes"]["status"]) == (0, "unknown")
        practice.refuse("owners", 403, "MISSING_SCOPES")
        code, findings = practice.doctor()
    finally:
        practice.name = ""
        practice.control("faults", [])
    assert (code, findings["scopes"]["status"]) == (1, "failed")
    assert findings["scopes"]["told"] == "missing: crm.objects.owners.read"


def test_an_owner_id_is_not_a_user_id_and_the_right_one_is_told(practice: Practice) -> None:
    practice.rules(anna={"user_id": "90211", "email": "anna@acme.example"})
    code, findings = practice.doctor()
    finding = findings["sender anna: user id"]
    assert (code, finding["status"]) == (1, "failed")
    assert "90211 is the owner id of Anna Acme" in finding["told"]
    assert finding["do"] == 'write user_id: "7001"'
    assert findings["sequence 310001"]["status"] == "unknown"


def test_a_user_id_that_nobody_has_fails(practice: Practice) -> None:
    practice.rules(anna={"user_id": "123", "email": "anna@acme.example"})
    code, findings = practice.doctor()
    assert (code, findings["sender anna: user id"]["status"]) == (1, "failed")
    assert "nobody in HubSpot has the user id 123" in findings["sender anna: user id"]["told"]


def test_a_user_without_a_seat_fails(practice: Practice) -> None:
    practice.rules(anna=ANNA, cleo=CLEO)
    code, findings = practice.doctor()
    assert code == 1
    assert findings["sender cleo: seat"]["status"] == "failed"
    assert findings["sender anna: seat"]["status"] == "ok"


def test_without_the_scope_seats_are_not_known_and_nothing_fails(practice: Practice) -> None:
    practice.refuse("users", 403, "MISSING_SCOPES")
    code, findings = practice.doctor()
    assert (code, findings["sender anna: seat"]["status"]) == (0, "unknown")
    assert "settings.users.read" in findings["sender anna: seat"]["do"]


def test_another_inbox_than_the_owners_is_a_warning(practice: Practice) -> None:
    practice.rules(anna=ANNA | {"email": "sales@acme.example"})
    code, findings = practice.doctor()
    assert (code, findings["sender anna: inbox"]["status"]) == (0, "warning")


def test_a_private_sequence_is_told_apart_where_its_owner_is_a_sender(practice: Practice) -> None:
    practice.rules(sequence="310004", anna=ANNA, ben=BEN)
    code, findings = practice.doctor()
    finding = findings["sequence 310004"]
    assert (code, finding["status"]) == (1, "failed")
    assert finding["told"] == '"Ben\'s own" is not shown to anna, ben may see it'


def test_a_sequence_that_does_not_exist_names_its_rules(practice: Practice) -> None:
    practice.rules(sequence="999999", anna=ANNA)
    code, findings = practice.doctor()
    assert (code, findings["sequence 999999"]["status"]) == (1, "failed")
    assert "mend rule demo" in findings["sequence 999999"]["do"]


def test_every_member_of_a_pool_has_to_see_the_sequence(practice: Practice) -> None:
    practice.rules(
        sequence="310004", sender="desk", more={"pools": {"desk": {"senders": ["anna", "ben"]}}}, anna=ANNA, ben=BEN
    )
    assert practice.doctor()[1]["sequence 310004"]["status"] == "failed"
    practice.rules(sequence="310004", sender="desk", more={"pools": {"desk": {"senders": ["ben"]}}}, anna=ANNA, ben=BEN)
    assert practice.doctor()[1]["sequence 310004"]["status"] == "ok"


def test_what_contact_owners_send_is_a_warning_at_most(practice: Practice) -> None:
    practice.rules(sequence="310004", sender="contact-owner", anna=ANNA, ben=BEN)
    code, findings = practice.doctor()
    assert (code, findings["sequence 310004"]["status"]) == (0, "warning")


def test_an_answer_that_nobody_understands_is_unknown(practice: Practice) -> None:
    practice.refuse("sequences", 403, "FORBIDDEN")
    code, findings = practice.doctor()
    assert (code, findings["sequence 310001"]["status"]) == (0, "unknown")


def test_an_inbox_that_cannot_be_seen_is_not_called_fine(practice: Practice) -> None:
    practice.rules(anna=ANNA | {"alias": "anna@sales.acme.example"})
    code, findings = practice.doctor()
    inbox = findings["sender anna: inbox"]
    assert (code, inbox["status"]) == (0, "unknown")
    assert (
        "whether it is connected, and whether anna@sales.acme.example is an alias of it cannot be known"
        in inbox["told"]
    )


@pytest.mark.parametrize("by_owner", [False, True])
def test_a_403_for_one_sender_does_not_make_the_sequence_unknown_for_the_others(
    practice: Practice, *, by_owner: bool
) -> None:
    practice.control("settings", {"sender_refusals": 403})
    pools = {"pools": {"team": {"senders": ["anna", "cleo"]}}}
    practice.rules(sender="contact-owner" if by_owner else "team", anna=ANNA, cleo=CLEO, more=pools)
    _, findings = practice.doctor()
    assert findings["sequence 310001"]["status"] == "ok"
    assert "anna" in findings["sequence 310001"]["told"]
    alone = findings["sequence 310001: cleo"]
    assert (alone["status"], alone["do"]) == ("unknown", "look at sender cleo first")
    assert "whether cleo may see it cannot be known: HubSpot answered 403 FORBIDDEN" in alone["told"]


def naming(practice: Practice, back: dict[str, str], **contact: Any) -> None:
    """Write rules that name contact properties, in an account with this `write_back`."""
    rule: dict[str, Any] = {"id": "demo", "source": "crm", "type": "demo", "contact": contact}
    rule |= {"enroll": {"sequence": "310001", "sender": "anna"}}
    account = {"token": "${SEGUE_HUBSPOT_TOKEN}", "write_back": back}
    practice.rules(anna=ANNA, more={"rules": [rule], "accounts": {"main": account}})


def test_properties_that_rules_name_and_hubspot_lacks_are_a_warning(practice: Practice) -> None:
    naming(practice, {}, set={"lead_source": "event.type", "city": "event.company"}, require=["jobtitle"])
    code, findings = practice.doctor()
    finding = findings["contact properties"]
    assert (code, finding["status"]) == (0, "warning")
    assert finding["told"] == (
        f"{practice.folder}/rules.yaml:11: rule demo, `contact.set`: lead_source: HubSpot lists no contact property of"
        " this name; an enrollment that writes it is parked"
    )
    practice.control("settings", {"extra_properties": ["lead_source"]})
    finding = practice.doctor()[1]["contact properties"]
    assert (finding["status"], finding["told"]) == ("ok", "city, jobtitle, lead_source")


def test_definitions_are_read_by_one_call_and_by_none_where_nothing_is_named(practice: Practice) -> None:
    practice.doctor()
    assert "properties" not in practice.calls()["routes"]
    naming(practice, {"source": "city"})
    practice.doctor()
    assert practice.calls()["routes"]["properties"] == {"200": 1}


@pytest.mark.parametrize(
    ("definition", "told"),
    [
        (None, "HubSpot lists no contact property of this name"),
        ({"read_only": True}, "its value is read-only"),
        ({"calculated": True}, "its value is read-only"),
        ({"type": "number"}, "its type is number, which 'crm' does not fit"),
        ({"type": "date"}, "its type is date, which 'crm' does not fit"),
        ({"type": "bool"}, "its type is bool, which 'crm' does not fit"),
        ({"type": "enumeration", "options": ["web"]}, "its type is enumeration, which 'crm' does not fit"),
    ],
)
def test_a_write_back_that_hubspot_will_refuse_is_told_beforehand(
    practice: Practice, definition: dict[str, Any] | None, told: str
) -> None:
    naming(practice, {"source": "segue_source"})
    practice.control("settings", {"extra_properties": [{"name": "segue_source"} | definition] if definition else []})
    code, findings = practice.doctor()
    finding = findings["write_back source"]
    assert (code, finding["status"]) == (0, "warning")
    place = f"{practice.folder}/rules.yaml:5"
    assert finding["told"] == f"{place}: segue_source: {told}; contacts are written without it"
    assert "single-line text" in finding["do"]


def test_a_write_back_that_takes_what_the_rules_write_is_ok(practice: Practice) -> None:
    naming(practice, {"source": "segue_source", "rule": "city", "decision": "website"})
    options = {"type": "enumeration", "options": ["crm", "web"]}
    practice.control("settings", {"extra_properties": [{"name": "segue_source"} | options]})
    findings = practice.doctor()[1]
    assert [findings[f"write_back {fact}"]["status"] for fact in ("source", "rule", "decision")] == ["ok"] * 3


def test_no_list_of_options_takes_the_ids_of_decisions(practice: Practice) -> None:
    naming(practice, {"decision": "lifecyclestage"})
    finding = practice.doctor()[1]["write_back decision"]
    assert finding["status"] == "warning"
    assert "an id like 'dec_" in finding["told"]


def test_where_definitions_cannot_be_read_they_are_unknown_and_named(practice: Practice) -> None:
    naming(practice, {"source": "segue_source"}, set={"city": "event.company"})
    practice.refuse("properties", 403, "MISSING_SCOPES")
    code, findings = practice.doctor()
    assert (code, findings["scopes"]["status"]) == (0, "ok")
    for check, name in (("contact properties", "city"), ("write_back source", "segue_source")):
        assert findings[check]["status"] == "unknown"
        assert name in findings[check]["told"]
        assert "crm.schemas.contacts.read" in findings[check]["do"]
    findings = practice.doctor("--offline")[1]
    assert findings["contact properties"]["told"] == "not asked (--offline): city"
    assert findings["write_back source"]["told"] == "not asked (--offline): segue_source"


def test_a_rule_that_only_writes_the_contact_names_properties_and_no_sequence(practice: Practice) -> None:
    rule: dict[str, Any] = {"id": "note", "source": "crm", "type": "note", "update": True}
    practice.rules(anna=ANNA, more={"rules": [rule | {"contact": {"set": {"lead_source": "event.type"}}}]})
    code, findings = practice.doctor()
    assert code == 0
    assert not [check for check in findings if check.startswith("sequence")]
    assert "lead_source" in findings["contact properties"]["told"]


def test_a_spent_day_fails(practice: Practice) -> None:
    practice.control("settings", {"daily": 3})
    code, findings = practice.doctor()
    assert (code, findings["daily budget"]["status"]) == (1, "failed")
    code, findings = practice.doctor()
    assert (code, findings["daily budget"]["status"]) == (1, "failed")
    assert findings["sequence 310001"]["status"] == "unknown"


def test_a_day_that_is_nearly_spent_is_a_warning(practice: Practice) -> None:
    practice.doctor()
    practice.control("settings", {"daily": 11})
    code, findings = practice.doctor()
    assert (code, findings["daily budget"]["status"]) == (0, "warning")


@pytest.mark.parametrize(
    ("ahead", "status", "code"),
    [(timedelta(minutes=-6), "failed", 1), (timedelta(minutes=2), "warning", 0), (timedelta(seconds=5), "ok", 0)],
)
def test_a_clock_that_is_wrong(
    practice: Practice, far_end: Callable[[timedelta], str], ahead: timedelta, status: str, code: int
) -> None:
    exit_code, findings = practice.doctor(SEGUE_HUBSPOT_BASE_URL=far_end(ahead))
    assert (exit_code, findings["clock"]["status"]) == (code, status)
    assert ("behind" if ahead > timedelta() else "ahead of") in findings["clock"]["told"]


def test_where_hubspot_is_not_reached_only_that_fails(practice: Practice) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        code, findings = practice.doctor(SEGUE_HUBSPOT_BASE_URL=url)
    assert code == 1
    failed = [check for check, status in statuses(findings).items() if status == "failed"]
    assert failed == ["HubSpot reachable"]


def test_the_public_address_is_a_warning_at_most(practice: Practice, sandbox_url: str) -> None:
    code, findings = practice.doctor(SEGUE_PUBLIC_URL=sandbox_url)  # it answers, and is no Segue
    assert (code, findings["public URL"]["status"]) == (0, "warning")
    assert findings["public URL"]["told"].endswith("/webhooks is not answered by a Segue: 404")
    code, findings = practice.doctor(SEGUE_PUBLIC_URL="http://127.0.0.1:9")
    assert (code, findings["public URL"]["status"]) == (0, "warning")


def test_a_database_that_is_configured_has_to_be_there(practice: Practice) -> None:
    code, findings = practice.doctor(SEGUE_DATABASE_URL="postgresql://segue@127.0.0.1:9/segue")
    assert (code, findings["database"]["status"]) == (1, "failed")
    assert "SEGUE_DATABASE_URL" in findings["database"]["do"]


def test_one_hubspot_account_under_two_names_fails(practice: Practice) -> None:
    accounts = {"main": {"token": "pat-sandbox"}, "us": {"token": "pat-sandbox-read"}}
    rule = {"id": "demo", "account": "main", "source": "crm", "type": "demo"}
    practice.rules(more={"accounts": accounts, "rules": [rule | {"ignore": True}]}, anna=ANNA)
    findings = json.loads(practice.run("doctor", "--json").stdout)["findings"]
    told = {one["account"]: one["status"] for one in findings if one["check"] == "token accepted"}
    assert told == {"main": "ok", "us": "failed"}


def test_offline_nobody_is_asked(practice: Practice) -> None:
    code, findings = practice.doctor("--offline", SEGUE_PUBLIC_URL="http://127.0.0.1:9")
    assert code == 0
    assert set(statuses(findings).values()) <= {"unknown", "ok"}
    assert practice.calls()["total"] == 0


def test_rules_that_cannot_be_loaded_are_another_exit_code(practice: Practice) -> None:
    (practice.folder / "rules.yaml").write_text("version: 2\n", encoding="utf-8")
    ended = practice.process("doctor")
    assert (ended.returncode, ended.stdout) == (3, "")
    assert "rules.yaml" in ended.stderr
    (practice.folder / "rules.yaml").unlink()
    assert practice.process("doctor").returncode == 3


def test_each_account_is_held_to_the_senders_of_its_own_rules(practice: Practice) -> None:
    accounts = {"main": {"token": "${SEGUE_HUBSPOT_TOKEN}"}, "us": {"token": "pat-sandbox"}}
    rules = [
        {"id": name, "account": name, "source": "crm", "type": "demo", "enroll": {"sequence": "310001", "sender": who}}
        for name, who in (("main", "anna"), ("us", "ben"))
    ]
    practice.rules(more={"accounts": accounts, "rules": rules}, anna=ANNA, ben=BEN)
    findings = json.loads(practice.run("doctor", "--json").stdout)["findings"]
    seats = {(one["account"], one["check"]) for one in findings if one["check"].endswith("seat")}
    assert seats == {("main", "sender anna: seat"), ("us", "sender ben: seat")}
    one = json.loads(practice.run("doctor", "--json", "--account", "us").stdout)["findings"]
    assert {finding["account"] for finding in one} == {"", "us"}
    assert "there are main, us" in str(practice.run("doctor", "--account", "eu").exception)
