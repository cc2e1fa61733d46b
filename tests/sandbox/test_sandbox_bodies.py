from __future__ import annotations

import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.sandbox_account import ANNA, CONTACTS, ENROLL, START, SandboxAccount

SEEDED = f"{START * 1000:.0f}"  # the id of the first contact of the seed
HUBSPOTS = [
    ("POST", CONTACTS),
    ("PATCH", f"{CONTACTS}/{SEEDED}"),
    ("POST", f"{CONTACTS}/batch/upsert"),
    ("POST", f"{CONTACTS}/batch/read"),
    ("POST", ENROLL),
    ("POST", "/communication-preferences/v3/subscribe"),
    ("POST", "/automation/v4/workflow-id-mappings/batch/read"),
    ("POST", "/oauth/v2/private-apps/get/access-token-info"),
    ("POST", "/oauth/2026-03/token"),
]
SEARCH = ("POST", f"{CONTACTS}/search")  # which finds everybody for an empty object
PRACTICE = [
    ("POST", f"/_sandbox/{name}")
    for name in ("settings", "faults", "enroll-elsewhere", "happen", "webhooks", "workflow-webhook")
]
NAMES = st.sampled_from(
    [
        "inputs",
        "id",
        "idProperty",
        "properties",
        "email",
        "firstname",
        "contactId",
        "sequenceId",
        "senderEmail",
        "objectWriteTraceId",
        "sequence",
        "send_limit",
        "delay_ms",
        "route",
        "kind",
        "emails",
        "what",
        "filterGroups",
        "filters",
        "propertyName",
        "operator",
        "value",
        "values",
        "sorts",
        "limit",
        "after",
        "emailAddress",
        "subscriptionId",
        "legalBasis",
        "tokenKey",
        "flowId",
        "type",
        "__class__",
        "model_config",
    ]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None), max_size=5)
    | st.sampled_from(["email", "ada@corp.example", "x@y", "\ud800@corp.example", SEEDED, "310001"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=12,
)
BAD_TRACE = {"id": "x@y", "idProperty": "email", "objectWriteTraceId": float("nan")}


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60), st.sampled_from(HUBSPOTS + PRACTICE))
async def test_any_bytes_as_a_body_end_in_a_4xx(body: bytes, route: tuple[str, str]) -> None:
    answer = await SandboxAccount().client.request(*route, params=ANNA, content=body)
    empty = body.strip() in {b"{}", b"[]"} and route in PRACTICE  # nothing to set and no trouble are fine
    assert (200 if empty else 400) <= answer.status_code < 500


@settings(max_examples=150, deadline=None)
@given(VALUES, st.sampled_from([*HUBSPOTS, SEARCH, *PRACTICE]))
@example({"properties": {"firstname": "\ud800"}}, HUBSPOTS[0])
@example({"properties": {"firstname": "\ud800"}}, HUBSPOTS[1])
@example({"inputs": [BAD_TRACE]}, HUBSPOTS[2])
@example({"inputs": [BAD_TRACE | {"objectWriteTraceId": 10**400}]}, HUBSPOTS[2])
@example({"inputs": [], "properties": None}, HUBSPOTS[3])
@example({"contactId": {}, "sequenceId": "\ud800", "senderEmail": []}, HUBSPOTS[4])
@example([], PRACTICE[0])
@example({"__class__": 1}, PRACTICE[0])
@example({"\ud800": 1}, PRACTICE[0])
@example({"token": "\ud800"}, PRACTICE[0])
@example({"property_lag": float("inf")}, PRACTICE[0])
@example([{"kind": "\ud800"}], PRACTICE[1])
@example([], PRACTICE[2])
@example({"email": "ada@corp.example", "what": {}}, PRACTICE[3])
@example({"url": "http://[", "secret": "", "email": "ada@corp.example"}, PRACTICE[5])
@example({"url": "http://a:99999", "secret": "", "email": "ada@corp.example"}, PRACTICE[5])
@example({"limit": -1, "after": []}, SEARCH)
@example({"limit": "²"}, SEARCH)
@example({"filterGroups": [{"filters": [{"propertyName": "email", "operator": "IN", "values": [1]}]}]}, SEARCH)
@example({"filterGroups": [{"filters": [{"propertyName": "email", "operator": "GTE", "value": "1e999"}]}]}, SEARCH)
async def test_any_json_as_a_body_never_ends_in_a_5xx(body: object, route: tuple[str, str]) -> None:
    answer = await SandboxAccount().client.request(*route, params=ANNA, content=json.dumps(body))
    assert answer.status_code < 500
