from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from app.sandbox.state.account import Account
from app.sandbox.state.settings import Settings
from tests.support.sandbox_account import CONTACTS, START

if TYPE_CHECKING:
    from tests.support.sandbox_account import SandboxAccount

# The fields of SimplePublicObject and of the batch answers in HubSpot's published interface.
CONTACT_FIELDS = {"id", "properties", "createdAt", "updatedAt", "archived"}
BATCH_FIELDS = {"status", "results", "startedAt", "completedAt"}
PROPERTIES = "/crm/properties/2026-03/contacts"
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def by_email(email: str, **properties: str) -> dict[str, Any]:
    return {"id": email, "idProperty": "email", "properties": properties}


def test_a_contact_never_gets_the_id_that_another_one_had_before_a_restart_or_a_reset() -> None:
    account = Account(Settings(), lambda: START)
    before = {contact.id for contact in account.contacts()}
    account.reset()
    after_reset = {contact.id for contact in account.contacts()}
    after_restart = {contact.id for contact in Account(Settings(), lambda: START + 1).contacts()}
    assert len(before) == len(after_reset) == len(after_restart) > 0
    assert len(before | after_reset | after_restart) == 3 * len(before)


async def test_an_upsert_of_one_creates_and_then_updates_the_same_contact(account: SandboxAccount) -> None:
    first = await account.upsert(by_email("New@corp.example", firstname="Nora"))
    second = await account.upsert(by_email("new@corp.example", lastname="Newman"))
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json().keys() == BATCH_FIELDS
    (created,), (updated,) = first.json()["results"], second.json()["results"]
    assert created.keys() == CONTACT_FIELDS | {"new"}
    assert (created["new"], updated["new"]) == (True, False)
    assert created["id"] == updated["id"]
    assert INSTANT.fullmatch(created["createdAt"])
    assert await account.properties("new@corp.example", "email", "firstname", "lastname") == {
        "email": "new@corp.example",
        "firstname": "Nora",
        "lastname": "Newman",
    }


async def test_an_upsert_batch_answers_each_input_with_its_trace_id(account: SandboxAccount) -> None:
    inputs = [by_email(f"p{n}@corp.example") | {"objectWriteTraceId": str(n)} for n in range(100)]
    answer = await account.upsert(*inputs)
    assert answer.status_code == 200
    created = {(one["objectWriteTraceId"], one["properties"]["email"]) for one in answer.json()["results"]}
    assert created == {(str(n), f"p{n}@corp.example") for n in range(100)}


async def test_one_bad_input_of_an_upsert_fails_alone_in_a_207(account: SandboxAccount) -> None:
    bad = by_email("bad@corp.example", shoe_size="44") | {"objectWriteTraceId": "t2"}
    answer = await account.upsert(by_email("good@corp.example"), bad)
    body = answer.json()
    assert answer.status_code == 207
    assert body.keys() == BATCH_FIELDS | {"numErrors", "errors"}
    assert [one["properties"]["email"] for one in body["results"]] == ["good@corp.example"]
    (error,) = body["errors"]
    assert body["numErrors"] == 1
    assert error["category"] == "VALIDATION_ERROR"
    assert error["context"] == {"ids": ["bad@corp.example"], "objectWriteTraceId": ["t2"]}
    assert account.state.contact("bad@corp.example", by_email=True) is None


@pytest.mark.parametrize("route", ["upsert", "read"])
async def test_more_than_a_hundred_inputs_are_refused_whole(account: SandboxAccount, route: str) -> None:
    before = len(account.state.contacts())
    inputs = [by_email(f"p{n}@corp.example") for n in range(101)]
    answer = await account.client.post(f"{CONTACTS}/batch/{route}", json={"inputs": inputs})
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")
    assert len(account.state.contacts()) == before


async def test_the_same_address_twice_in_one_upsert_is_refused_whole(account: SandboxAccount) -> None:
    answer = await account.upsert(by_email("two@corp.example"), by_email("TWO@corp.example"))
    assert answer.status_code == 400
    assert account.state.contact("two@corp.example", by_email=True) is None


async def test_creating_answers_201_and_creating_again_409_with_the_id_in_the_text(account: SandboxAccount) -> None:
    body = {"properties": {"email": "once@corp.example"}}
    first, second = [await account.client.post(CONTACTS, json=body) for _ in range(2)]
    assert (first.status_code, second.status_code) == (201, 409)
    assert first.json().keys() == CONTACT_FIELDS
    assert second.json()["category"] == "CONFLICT"
    assert second.json()["message"] == f"Contact already exists. Existing ID: {first.json()['id']}"


async def test_a_batch_read_answers_207_naming_who_is_missing(account: SandboxAccount) -> None:
    inputs = [{"id": "ada@corp.example"}, {"id": "nobody@corp.example"}]
    body = {"idProperty": "email", "properties": ["email"], "inputs": inputs}
    answer = await account.client.post(f"{CONTACTS}/batch/read", json=body)
    found = answer.json()
    assert answer.status_code == 207
    assert [one["properties"] for one in found["results"]] == [{"email": "ada@corp.example"}]
    (error,) = found["errors"]
    assert (found["numErrors"], error["category"]) == (1, "OBJECT_NOT_FOUND")
    assert error["context"] == {"ids": ["nobody@corp.example"]}


async def test_a_batch_read_by_id_answers_200_when_all_are_there(account: SandboxAccount) -> None:
    ids = [account.id_of("ada@corp.example"), account.id_of("bea@corp.example")]
    body = {"properties": [], "inputs": [{"id": identity} for identity in ids]}
    answer = await account.client.post(f"{CONTACTS}/batch/read", json=body)
    assert answer.status_code == 200
    assert answer.json().keys() == BATCH_FIELDS
    assert [one["id"] for one in answer.json()["results"]] == ids


async def test_a_contact_is_read_and_changed_by_id_and_by_address(account: SandboxAccount) -> None:
    identity = account.id_of("ada@corp.example")
    path, named = f"{CONTACTS}/ada%40corp.example", {"idProperty": "email"}
    changed = await account.client.patch(path, params=named, json={"properties": {"company": "Corp"}})
    assert (changed.status_code, changed.json()["id"]) == (200, identity)
    by_id = await account.client.get(f"{CONTACTS}/{identity}", params={"properties": "company,phone"})
    assert by_id.json().keys() == CONTACT_FIELDS
    assert by_id.json()["properties"] == {"company": "Corp", "phone": None}
    by_address = await account.client.get(path, params=named)
    assert by_address.json()["id"] == identity


@pytest.mark.parametrize("method", ["GET", "PATCH"])
async def test_an_unknown_contact_is_404(account: SandboxAccount, method: str) -> None:
    answer = await account.client.request(method, f"{CONTACTS}/999999", json={"properties": {}})
    assert answer.status_code == 404


async def test_a_contact_whose_address_was_changed_is_found_under_the_new_one_only(account: SandboxAccount) -> None:
    identity = account.id_of("ada@corp.example")
    body = {"properties": {"email": "Ada.New@corp.example"}}
    assert (await account.client.patch(f"{CONTACTS}/{identity}", json=body)).status_code == 200
    assert account.id_of("ada.new@corp.example") == identity
    assert account.state.contact("ada@corp.example", by_email=True) is None


async def test_a_contact_cannot_take_the_address_of_another(account: SandboxAccount) -> None:
    body = {"properties": {"email": "bea@corp.example"}}
    answer = await account.client.patch(f"{CONTACTS}/{account.id_of('ada@corp.example')}", json=body)
    assert answer.status_code == 409
    assert await account.properties("ada@corp.example", "email") == {"email": "ada@corp.example"}


TYPED: list[dict[str, Any]] = [
    {"name": "score", "type": "number"},
    {"name": "since", "type": "date"},
    {"name": "seen_at", "type": "datetime"},
    {"name": "vip", "type": "bool"},
    {"name": "tier", "type": "enumeration", "options": ["gold", "silver"]},
    {"name": "topics", "type": "enumeration", "options": ["crm", "ads"], "several": True},
    {"name": "sum", "type": "number", "calculated": True},
]


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("shoe_size", "44", "PROPERTY_DOESNT_EXIST"),
        ("hs_sequences_is_enrolled", "true", "READ_ONLY_VALUE"),
        ("createdate", "1800000000000", "READ_ONLY_VALUE"),
        ("sum", "4", "READ_ONLY_VALUE"),
        ("score", "high", "INVALID_LONG"),
        ("score", "nan", "INVALID_LONG"),
        ("score", "1_000", "INVALID_LONG"),
        ("since", "2026-01-05T12:00:00", "INVALID_DATE"),
        ("since", "2026-01-05T00:00:00+01:00", "INVALID_DATE"),
        ("since", "1800000000001", "INVALID_DATE"),
        ("seen_at", "2026-01-05T12:00:00", "INVALID_DATE"),
        ("tier", "gold ", "LEADING_TRAILING_WHITESPACE"),
        ("seen_at", "yesterday", "INVALID_DATE"),
        ("vip", "yes", "INVALID_OPTION"),
        ("tier", "Gold", "INVALID_OPTION"),
        ("topics", "crm;seo", "INVALID_OPTION"),
    ],
)
async def test_a_property_that_cannot_be_written_is_refused_with_json_in_the_text(
    account: SandboxAccount, name: str, value: str, code: str
) -> None:
    await account.control("settings", {"extra_properties": TYPED})
    body = {"properties": {"email": "x@corp.example", name: value}}
    answer = await account.client.post(CONTACTS, json=body)
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")
    assert "Property values were not valid: [{" in answer.json()["message"]
    assert f'"error": "{code}"' in answer.json()["message"]
    assert account.state.contact("x@corp.example", by_email=True) is None


async def test_a_date_says_which_time_of_its_day_it_has(account: SandboxAccount) -> None:
    await account.control("settings", {"extra_properties": TYPED})
    body = {"properties": {"email": "x@corp.example", "since": "2026-01-05T13:01:00Z"}}
    (error,) = (await account.client.post(CONTACTS, json=body)).json()["errors"]
    assert (error["code"], error["context"]) == ("INVALID_DATE", {"propertyName": ["since"]})
    assert error["message"] == "2026-01-05T13:01:00Z is at 13:1:0.0 UTC, not midnight!"


async def test_a_refused_property_may_be_named_nowhere(account: SandboxAccount) -> None:
    await account.control("settings", {"unnamed_properties": True, "extra_properties": TYPED})
    body = {"properties": {"email": "x@corp.example", "score": "high"}}
    answer = (await account.client.post(CONTACTS, json=body)).json()
    assert answer["message"] == "high was not a valid long."
    assert answer["errors"] == [{"message": "high was not a valid long.", "code": "INVALID_LONG"}]


async def test_every_property_that_cannot_be_written_is_named(account: SandboxAccount) -> None:
    answer = await account.client.post(CONTACTS, json={"properties": {"shoe_size": "44", "city": "Ulm", "hat": "7"}})
    named = json.loads(answer.json()["message"].partition(": ")[2])
    assert [one["name"] for one in named] == ["shoe_size", "hat"]


async def test_values_that_fit_their_property_are_written_and_an_empty_one_clears(account: SandboxAccount) -> None:
    await account.control("settings", {"extra_properties": TYPED})
    values = {"score": "4.5", "since": "2026-01-05", "seen_at": "1800000000001", "vip": "true", "tier": "gold"}
    await account.write("ada@corp.example", **values, topics=";crm;ads")
    await account.write("ada@corp.example", score="", tier="")
    shown = await account.properties("ada@corp.example", *values)
    assert shown == values | {"score": "", "tier": ""}


async def test_a_leading_semicolon_adds_to_the_options_that_are_chosen(account: SandboxAccount) -> None:
    await account.control("settings", {"extra_properties": TYPED})
    for value, kept in (("crm", "crm"), (";ads;crm", "crm;ads"), ("ads", "ads")):
        await account.write("ada@corp.example", topics=value)
        assert await account.properties("ada@corp.example", "topics") == {"topics": kept}


async def test_an_upsert_can_be_refused_whole_and_then_writes_nothing(account: SandboxAccount) -> None:
    await account.control("settings", {"whole_upserts": True})
    answer = await account.upsert(by_email("good@corp.example"), by_email("bad@corp.example", shoe_size="44"))
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")
    assert account.state.contact("good@corp.example", by_email=True) is None


async def test_definitions_say_what_a_property_takes(account: SandboxAccount) -> None:
    await account.control("settings", {"extra_properties": ["plan_tier", *TYPED]})
    listed = (await account.client.get(PROPERTIES)).json()
    assert listed.keys() == {"results"}
    told = {one["name"]: one for one in listed["results"]}
    assert (told["plan_tier"]["type"], told["plan_tier"]["fieldType"]) == ("string", "text")
    assert [option["value"] for option in told["tier"]["options"]] == ["gold", "silver"]
    assert [(option["label"], option["value"]) for option in told["vip"]["options"]] == [
        ("Yes", "true"),
        ("No", "false"),
    ]
    assert (told["topics"]["fieldType"], told["sum"]["calculated"]) == ("checkbox", True)
    assert told["createdate"]["modificationMetadata"]["readOnlyValue"] is True
    assert told["city"]["modificationMetadata"]["readOnlyValue"] is False
    assert told["hubspot_owner_id"]["externalOptions"] is True
    one = await account.client.get(f"{PROPERTIES}/tier")
    assert (one.status_code, one.json()) == (200, told["tier"])
    assert (await account.client.get(f"{PROPERTIES}/shoe_size")).status_code == 404


async def test_sequence_properties_show_an_enrollment_only_after_the_lag(account: SandboxAccount) -> None:
    account.state.settings.property_lag = 30.0
    names = ("hs_sequences_is_enrolled", "hs_latest_sequence_enrolled")
    assert (await account.enroll("ada@corp.example")).status_code == 200
    account.clock.now += 29.5
    assert await account.properties("ada@corp.example", *names) == dict.fromkeys(names)
    account.clock.now += 0.5
    assert await account.properties("ada@corp.example", *names) == dict(zip(names, ("true", "310001"), strict=True))
