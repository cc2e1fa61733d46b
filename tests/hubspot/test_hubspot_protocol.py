from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from app.errors import HubSpotError, OutcomeUnknown, Refusal
from app.hubspot.api import contacts
from app.hubspot.api import sequences as protocol
from app.hubspot.api.call import Page
from app.hubspot.api.contacts import Contact, Upsert
from app.hubspot.api.replies import Reply
from app.hubspot.api.sequences import Enrolled, Owner, Sequence
from app.model import ObservedEnrollment, Sender

ANNA = Sender("anna", "7001", "anna@acme.example")
NINE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ADA, BOB = Upsert("ada@corp.example", (("firstname", "Ada"),)), Upsert("bob@corp.example")


def reply(body: Any, status: int = 200) -> Reply:
    return Reply(status, {}, json.dumps(body).encode())


def test_enroll_names_the_sequence_in_the_body_and_the_user_in_the_query() -> None:
    call = protocol.enroll("501", "310001", ANNA)
    assert (call.method, call.path("2026-03")) == ("POST", "/automation/sequences/2026-03/enrollments")
    assert call.query == (("userId", "7001"),)
    assert call.json == {"contactId": "501", "sequenceId": "310001", "senderEmail": "anna@acme.example"}


def test_an_alias_travels_beside_the_inbox() -> None:
    call = protocol.enroll("501", "310001", replace(ANNA, alias="anna@sales.acme.example"))
    assert call.json is not None
    assert (call.json["senderEmail"], call.json["senderAliasAddress"]) == (
        "anna@acme.example",
        "anna@sales.acme.example",
    )


def test_the_version_is_one_argument_and_ids_cannot_leave_their_place() -> None:
    assert protocol.enrollment_status("50/../1").path("2026-09") == (
        "/automation/sequences/2026-09/enrollments/contact/50%2F..%2F1"
    )
    assert protocol.get_sequence("7001", "a?b").path("2026-09") == "/automation/sequences/2026-09/a%3Fb"
    assert "7001" not in protocol.get_sequence("7001", "310001").route


def test_a_yes_is_an_id_and_a_time() -> None:
    answer = reply({"id": "9", "toEmail": "ada@corp.example", "enrolledAt": "2026-11-23T09:00:00.000Z"})
    assert protocol.enroll("501", "310001", ANNA).parse(answer) == Enrolled("9", NINE)


@pytest.mark.parametrize(
    "body", [{}, {"id": "9"}, {"enrolledAt": "2026-11-23T09:00:00Z"}, [], None, {"id": "9", "enrolledAt": "soon"}]
)
def test_a_yes_without_either_is_ambiguous(body: Any) -> None:
    with pytest.raises(OutcomeUnknown):
        protocol.enroll("501", "310001", ANNA).parse(reply(body))


def test_the_status_is_one_object_and_404_means_none() -> None:
    call = protocol.enrollment_status("501")
    body = {"id": 9, "sequenceId": "310001", "enrolledAt": "2026-11-23T09:00:00Z"}
    assert call.parse(reply(body)) == ObservedEnrollment("310001", NINE)
    assert call.parse(reply({}, 404)) is None
    with pytest.raises(Refusal):
        call.parse(reply({"category": "MISSING_SCOPES"}, 403))


def test_sequences_come_in_pages() -> None:
    call = protocol.list_sequences("7001", after="5")
    assert call.query == (("userId", "7001"), ("limit", "100"), ("after", "5"))
    body = {
        "total": 2,
        "results": [{"id": "310001", "name": "Demo", "updatedAt": "2026-11-23T09:00:00Z", "userId": "7001"}],
        "paging": {"next": {"after": "6"}},
    }
    assert call.parse(reply(body)) == Page((Sequence("310001", "Demo", "7001", NINE),), "6")
    assert call.parse(reply({"results": []})) == Page((), None)


def test_an_owner_has_a_user_id_until_deactivated() -> None:
    call = protocol.list_owners()
    body = {"results": [{"id": "31", "userId": 7001, "email": "anna@acme.example"}, {"id": "32", "userId": None}]}
    owners = (Owner("31", "7001", "anna@acme.example"), Owner("32", None, None))
    assert call.parse(reply(body)) == Page(owners, None)


def test_an_upsert_goes_by_address_and_does_not_write_it() -> None:
    call = contacts.upsert_contacts([ADA])
    assert call.path("2026-03") == "/crm/objects/2026-03/contacts/batch/upsert"
    assert call.json == {
        "inputs": [
            {
                "id": "ada@corp.example",
                "idProperty": "email",
                "objectWriteTraceId": "segue-0",
                "properties": {"firstname": "Ada"},
            }
        ]
    }


def upserted(body: Any, *inputs: Upsert, status: int = 200) -> dict[Upsert, Contact | HubSpotError]:
    return contacts.upsert_contacts(inputs or (ADA, BOB)).parse(reply(body, status))


def ids(found: dict[Any, Contact | HubSpotError]) -> dict[Any, str]:
    return {key: value.id if isinstance(value, Contact) else str(value) for key, value in found.items()}


@pytest.mark.parametrize(
    "results",
    [
        [{"id": "2", "objectWriteTraceId": "segue-1"}, {"id": "1", "objectWriteTraceId": "segue-0"}],
        [
            {"id": "2", "properties": {"email": "Bob@corp.example"}},
            {"id": "1", "properties": {"email": "ada@corp.example"}},
        ],
        # Two addresses of one person: the trace is right, whatever primary address comes back.
        [
            {"id": "2", "objectWriteTraceId": "segue-1", "properties": {"email": "ada@corp.example"}},
            {"id": "1", "objectWriteTraceId": "segue-0"},
        ],
    ],
    ids=["trace", "address", "trace-before-address"],
)
def test_results_are_matched_whatever_their_order(results: Any) -> None:
    assert ids(upserted({"results": results})) == {ADA: "1", BOB: "2"}


@pytest.mark.parametrize(
    "naming",
    [
        {"context": {"objectWriteTraceId": ["segue-1"]}},
        {"context": {"ids": ["BOB@corp.example"]}},
        {"context": {"email": ["bob@corp.example"]}},
        {"id": "bob@corp.example"},
        {"message": 'Contact "bob@corp.example": no.'},
    ],
    ids=["trace", "ids", "email", "id", "message"],
)
def test_one_bad_contact_of_a_batch_fails_alone(naming: dict[str, Any]) -> None:
    error = {"status": "error", "category": "VALIDATION_ERROR"} | naming
    found = upserted(
        {"results": [{"id": "1", "objectWriteTraceId": "segue-0"}], "errors": [error]}, ADA, BOB, status=207
    )
    assert ids(found)[ADA] == "1"
    refusal = found[BOB]
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.status) == ("VALIDATION_ERROR", 400)


def test_what_matches_no_contact_is_left_out_to_be_requested_alone() -> None:
    nameless = {"results": [{"id": "1"}], "errors": [{"category": "VALIDATION_ERROR"}]}
    assert upserted(nameless, status=207) == {}
    assert ids(upserted(nameless, ADA)) == {ADA: "1"}
    alone = upserted({"errors": [{"category": "VALIDATION_ERROR"}]}, ADA, status=207)[ADA]
    assert isinstance(alone, Refusal)


def test_an_answer_without_results_and_errors_is_ambiguous() -> None:
    with pytest.raises(OutcomeUnknown):
        upserted({"status": "COMPLETE"})


def test_contacts_are_read_by_id_or_by_address() -> None:
    by_id = contacts.read_contacts(["501", "502"], ["lastname", "firstname"])
    names = ["firstname", "hs_merged_object_ids", "lastname"]
    assert by_id.json == {"properties": names, "inputs": [{"id": "501"}, {"id": "502"}]}
    body = {"results": [{"id": "502", "properties": {"firstname": "Bob", "lastname": None, "count": 3}}]}
    assert by_id.parse(reply(body)) == {"502": Contact("502", {"firstname": "Bob", "lastname": None, "count": "3"})}
    by_email = contacts.read_contacts(["ada@corp.example"], ["firstname"], by="email")
    assert by_email.json is not None
    assert by_email.json["idProperty"] == "email"
    assert by_email.json["properties"] == ["email", "firstname"]


def test_a_contact_that_was_merged_is_recognised_by_its_old_id() -> None:
    by_id = contacts.read_contacts(["501", "502"], ["firstname"])
    merged = {"id": "900", "properties": {"hs_merged_object_ids": "77;502"}}
    body = {"results": [merged, {"id": "501", "properties": {"hs_merged_object_ids": None}}]}
    found = by_id.parse(reply(body))
    assert {key: one.id for key, one in found.items() if isinstance(one, Contact)} == {"501": "501", "502": "900"}


def test_one_contact_that_is_not_there_is_a_refusal() -> None:
    found = contacts.read_contacts(["501"], ["firstname"]).parse(reply({"results": []}))["501"]
    assert isinstance(found, Refusal)
    assert (found.code, found.status) == ("OBJECT_NOT_FOUND", 404)


def test_a_property_with_half_a_character_spoils_no_reply() -> None:
    body = b'{"results":[{"id":"501","properties":{"firstname":"Ada\\ud83d"}},{"id":"502","properties":{"score":NaN}}]}'
    found = contacts.read_contacts(["501", "502"], ["firstname", "score"]).parse(Reply(200, {}, body))
    assert found == {
        "501": Contact("501", {"firstname": "Ada\ud83d"}),
        "502": Contact("502", {"score": "NaN"}),
    }


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b'{"id": '])
def test_what_is_no_json_is_nothing(body: bytes) -> None:
    assert Reply(200, {}, body).json() is None
