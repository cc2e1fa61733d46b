from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.errors import OutcomeUnknown, Refusal
from app.hubspot.api import contacts
from app.hubspot.api import sequences as protocol
from app.hubspot.api.contacts import Upsert
from app.hubspot.api.refusals import raise_for
from app.hubspot.api.replies import Reply, instant, scrubbed, seconds
from app.model import Sender

if TYPE_CHECKING:
    from app.hubspot.api.call import Call

ANNA = Sender("anna", "7001", "anna@acme.example")
PROPERTY_MESSAGE = (
    'Property values were not valid: [{"isValid":false,"message":"Property \\"missing\\" does not exist",'
    '"error":"PROPERTY_DOESNT_EXIST","name":"missing"}]'
)


ADDRESS_MESSAGE = 'Property values were not valid: [{"error":"INVALID_EMAIL","name":"email"}]'


def refused(status: int, body: Any, headers: dict[str, str] | None = None) -> Refusal:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(Refusal) as raised:
        raise_for(Reply(status, headers or {}, content))
    return raised.value


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, {"errorType": "SequenceError.UNSUBSCRIBED"}, "UNSUBSCRIBED"),
        (400, {"errorType": "SequenceError.NEW_ONE", "category": "VALIDATION_ERROR"}, "NEW_ONE"),
        (400, {"errorType": "SequenceError."}, "SequenceError."),
        (
            401,
            {"category": "INVALID_AUTHENTICATION", "message": "Authentication credentials not found."},
            "INVALID_AUTHENTICATION",
        ),
        (401, {"category": "EXPIRED_AUTHENTICATION"}, "EXPIRED_AUTHENTICATION"),
        (401, b"", "INVALID_AUTHENTICATION"),
        (403, {"category": "MISSING_SCOPES"}, "MISSING_SCOPES"),
        (403, b"<html>Forbidden</html>", "FORBIDDEN"),
        (
            429,
            {"errorType": "RATE_LIMIT", "policyName": "DAILY", "message": "You have reached your daily limit."},
            "RATE_LIMIT_DAILY",
        ),
        (429, {"errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}, "RATE_LIMIT_TEN_SECONDLY"),
        (429, {"category": "RATE_LIMITS", "policyName": "ten_secondly_rolling"}, "RATE_LIMIT_TEN_SECONDLY"),
        (429, {"message": "You have reached your ten_secondly_rolling limit."}, "RATE_LIMIT_TEN_SECONDLY"),
        (429, {"message": "You have reached your secondly limit."}, "RATE_LIMIT_SECONDLY"),
        (429, b"slow down", "RATE_LIMIT"),
        (400, {"message": "query param userId may not be null"}, "VALIDATION_ERROR"),
        (
            400,
            {"message": "The sequence ID provided is invalid", "context": {"sequenceId": ["sequences"]}},
            "SEQUENCE_ID_INVALID",
        ),
        (409, {"category": "CONFLICT", "message": "Contact already exists. Existing ID: 3401"}, "CONFLICT"),
        (400, {"subCategory": "SOME_SUB"}, "SOME_SUB"),
        (400, {"subCategory": {"an": "object"}, "errors": [{"code": "INVALID_INTEGER"}]}, "INVALID_INTEGER"),
        (400, {"category": "VALIDATION_ERROR", "message": PROPERTY_MESSAGE}, "PROPERTY_DOESNT_EXIST"),
        (
            400,
            {"category": "VALIDATION_ERROR", "message": "Property values were not valid: [broken"},
            "VALIDATION_ERROR",
        ),
        (
            400,
            {"category": "VALIDATION_ERROR", "errors": [{"code": "PROPERTY_DOESNT_EXIST"}]},
            "PROPERTY_DOESNT_EXIST",
        ),
        (400, {"category": "VALIDATION_ERROR", "errors": [{"code": "INVALID_OPTION"}]}, "INVALID_OPTION"),
        (400, {"category": "VALIDATION_ERROR", "errors": [{"code": "INVALID_DATE"}]}, "PROPERTY_DATA_IS_INVALID"),
        (400, {"errors": [{"code": "INVALID_LONG"}]}, "PROPERTY_DATA_IS_INVALID"),
        (400, {"errors": [{"code": "READ_ONLY_VALUE"}]}, "READ_ONLY_VALUE"),
        (400, {"category": "VALIDATION_ERROR", "message": ADDRESS_MESSAGE}, "CONTACT_INVALID_EMAIL_ADDRESS"),
        (
            400,
            {"category": "VALIDATION_ERROR", "errors": [{"code": "REQUIRED", "in": "contactId"}]},
            "VALIDATION_ERROR",
        ),
        (400, b"[1, 2]", "HTTP_400"),
        (302, b"", "HTTP_302"),
        (423, {"category": "ANYTHING"}, "LOCKED"),
        (477, b"", "MIGRATION"),
    ],
)
def test_the_code_is_hubspots_own_word(status: int, body: Any, code: str) -> None:
    assert refused(status, body).code == code


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 521, 524])
def test_timeouts_and_server_errors_are_ambiguous_whatever_their_body_says(status: int) -> None:
    with pytest.raises(OutcomeUnknown):
        raise_for(Reply(status, {}, b'{"errorType": "SequenceError.UNSUBSCRIBED"}'))


@pytest.mark.parametrize(
    ("status", "header", "wait"),
    [
        (429, None, None),
        (429, "11", 11.0),
        (429, "Mon, 23 Nov 2026 09:00:00 GMT", None),
        (423, None, 2.0),
        (423, "1", 2.0),
        (423, "30", 30.0),
        (477, "86400", 86400.0),
        (477, "-1", None),
        (477, "nan", None),
        (477, "1e300", None),
    ],
)
def test_retry_after_is_in_seconds(status: int, header: str | None, wait: float | None) -> None:
    assert refused(status, {}, {"retry-after": header} if header else {}).retry_after == wait


def test_an_invalid_property_is_named() -> None:
    by_context = {
        "category": "VALIDATION_ERROR",
        "message": "ada@corp.example is wrong",
        "errors": [
            {
                "message": "discount was not a valid number",
                "code": "INVALID_INTEGER",
                "context": {"propertyName": ["discount"]},
            }
        ],
    }
    assert refused(400, by_context).detail == "property discount: the value is no whole number (INVALID_INTEGER)"
    by_message = {"category": "VALIDATION_ERROR", "message": PROPERTY_MESSAGE}
    assert refused(400, by_message).detail == "property missing: HubSpot has no such property (PROPERTY_DOESNT_EXIST)"


def test_what_is_not_there_and_has_no_word_is_an_object_that_is_not_found() -> None:
    assert refused(404, {}).code == "OBJECT_NOT_FOUND"


INVALID = "PROPERTY_DATA_IS_INVALID"
IN_FIELD = {"code": INVALID, "in": "firstname", "message": "ada@corp.example is too long"}


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"category": INVALID, "message": "Property firstname is bad"}, "Property firstname is bad"),
        ({"category": INVALID, "errors": [{"message": "firstname is bad"}]}, "firstname is bad"),
        ({"category": "VALIDATION_ERROR", "errors": [IN_FIELD]}, "property firstname: [address] is too long"),
        (
            {"category": "VALIDATION_ERROR", "errors": [{"code": INVALID, "in": "firstname"}]},
            "property firstname: the value is not valid (PROPERTY_DATA_IS_INVALID)",
        ),
        ({"category": INVALID, "errors": [{"in": "firstname"}]}, "property firstname: HubSpot does not take the value"),
        (
            {"category": INVALID, "errors": [{"code": "INVALID_DATE", "in": "since"}]},
            "property since: the value is no date (INVALID_DATE)",
        ),
        ({"category": INVALID}, ""),
        (
            {"errors": [{"code": "INVALID_LONG", "message": "many was not a valid long."}]},
            "many was not a valid long.",
        ),
    ],
)
def test_what_hubspot_says_of_a_property_is_kept_wherever_it_stands(body: Any, detail: str) -> None:
    found = refused(400, body)
    assert (found.code, found.detail) == (INVALID, detail)


def test_a_property_that_only_the_sentence_names_is_named() -> None:
    missing = {"code": "PROPERTY_DOESNT_EXIST", "message": 'Property "shoe_size" does not exist'}
    body = {"category": "VALIDATION_ERROR", "message": missing["message"], "errors": [missing]}
    assert refused(400, body).properties == (("shoe_size", "PROPERTY_DOESNT_EXIST"),)
    kept = {"code": "READ_ONLY_VALUE", "message": '"createdate" is a read only property; its value cannot be set.'}
    assert refused(400, {"errors": [kept]}).properties == (("createdate", "READ_ONLY_VALUE"),)


def test_a_missing_scope_is_named() -> None:
    body = {
        "message": "This app hasn't been granted all required scopes to make this call.",
        "errors": [{"context": {"requiredGranularScopes": ["automation.sequences.read"]}}],
        "category": "MISSING_SCOPES",
    }
    assert refused(403, body).detail.endswith("to make this call. automation.sequences.read")


def test_the_correlation_id_comes_from_the_body_or_the_header() -> None:
    headers = {"x-hubspot-correlation-id": "in-the-header"}
    assert refused(400, {"correlationId": "in-the-body"}, headers).correlation_id == "in-the-body"
    assert refused(400, {"correlationId": "an address@corp.example"}, headers).correlation_id == "in-the-header"


@pytest.mark.parametrize(
    "message",
    [
        "Contact ada@corp.example is wrong",
        "Contact 'ada.l+x@corp.example', is wrong",
        '{"email":"ada@corp.example"}',
        "id=ada%40corp.example",
        r"ada\u0040corp.example",
        "<ADA@CORP.EXAMPLE>",
        "mailto:ada@corp.example",
        "jürgen@corp.example",
    ],
)
def test_addresses_are_taken_out_of_messages(message: str) -> None:
    clean = scrubbed(message)
    assert "[address]" in clean
    assert "corp.example" not in clean.lower()
    assert "ada" not in clean.lower()


def test_a_message_is_one_printable_line() -> None:
    assert scrubbed("a\r\nb\x00c\ud800d\u2028e" + "x" * 1000) == ("a b c d e" + "x" * 1000)[:500]


def test_instants_are_rfc_3339_or_milliseconds() -> None:
    wanted = datetime(2026, 11, 23, 9, 0, 0, 575000, tzinfo=UTC)
    assert instant("2026-11-23T09:00:00.575Z") == wanted
    assert instant("2026-11-23T10:00:00.575+01:00") == wanted
    assert instant(str(int(wanted.timestamp() * 1000))) == wanted
    assert instant("2026-11-23T09:00:00") is None  # whose nine o'clock?


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=10,
)
words = st.sampled_from(["SequenceError.X", "VALIDATION_ERROR", "RATE_LIMIT", "ada@corp.example", "", PROPERTY_MESSAGE])
any_value = words | json_values
error = st.fixed_dictionaries(
    {},
    optional={
        "errorType": any_value,
        "category": any_value,
        "subCategory": any_value,
        "policyName": any_value,
        "message": any_value,
        "correlationId": any_value,
        "id": any_value,
        "enrolledAt": any_value,
        "sequenceId": any_value,
        "errors": st.lists(
            st.fixed_dictionaries({}, optional={"code": any_value, "message": any_value, "context": any_value})
        )
        | any_value,
        "results": st.lists(st.fixed_dictionaries({}, optional={"id": any_value, "properties": any_value})) | any_value,
        "paging": any_value,
    },
)
bodies = st.binary() | st.builds(lambda value: json.dumps(value).encode(), error | json_values)
replies = st.builds(
    Reply,
    st.integers(100, 999),
    st.dictionaries(st.sampled_from(["retry-after", "x-hubspot-correlation-id"]), st.text()),
    bodies,
)
calls = st.sampled_from(
    [
        protocol.enroll("501", "310001", ANNA),
        protocol.enrollment_status("501"),
        protocol.list_sequences("7001"),
        protocol.get_sequence("7001", "310001"),
        protocol.list_owners(),
        contacts.upsert_contacts([Upsert("ada@corp.example"), Upsert("bob@corp.example")]),
        contacts.read_contacts(["501", "502"], ["email"]),
        contacts.read_contacts(["ada@corp.example"], ["email"], by="email"),
    ]
)


def outcome(call: Call[object], reply: Reply) -> str:
    """What an error says, nothing for a value; any other exception fails the test."""
    try:
        call.parse(reply)
    except OutcomeUnknown as ambiguous:
        return str(ambiguous)
    except Refusal as refusal:
        return f"{refusal} {refusal.correlation_id}"
    return ""


@given(calls, replies)
@example(protocol.get_sequence("7001", "1"), Reply(200, {}, b"[" * 100_000))
@example(protocol.get_sequence("7001", "1"), Reply(200, {}, b'{"id":' + b"9" * 5000 + b"}"))
def test_any_reply_ends_in_a_value_or_in_the_error_tree(call: Call[object], reply: Reply) -> None:
    described = outcome(call, reply)
    assert "corp.example" not in described
    assert described.isprintable()


@given(replies.filter(lambda reply: not reply.ok))
def test_an_enroll_without_2xx_is_never_taken_for_a_yes(reply: Reply) -> None:
    with pytest.raises((Refusal, OutcomeUnknown)):
        protocol.enroll("501", "310001", ANNA).parse(reply)


@given(st.text())
def test_any_retry_after_is_read(value: str) -> None:
    wait = seconds(value)
    assert wait is None or wait >= 0
