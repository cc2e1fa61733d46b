"""Whatever Segue has a row for can be brought about by a real request, and is read back as that row's code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from app.errors import Refusal
from app.hubspot.api.consent import OAuthApp
from app.hubspot.api.faults import Party, faults
from app.hubspot.api.oauth import refresh
from app.hubspot.api.property_errors import property_problems
from app.hubspot.api.refusals import code_of, raise_for
from app.hubspot.api.replies import Reply, mapping

if TYPE_CHECKING:
    from tests.support.sandbox_account import SandboxAccount


async def refused(account: SandboxAccount, code: str, **more: Any) -> Reply:
    fault = {"route": "enroll", "kind": "status", "code": code}
    await account.control("faults", [fault | more])
    answer = await account.enroll("ada@corp.example")
    return Reply(answer.status_code, dict(answer.headers), answer.content)


async def body_of(account: SandboxAccount, code: str, **more: Any) -> dict[str, Any]:
    return mapping((await refused(account, code, **more)).json())


# The route that gives tokens raises these, and no route that asks for one does.
OF_TOKENS = frozenset({"TOKEN_REFUSED"})
# Segue attributes a 403 without a code by a read of its own.
ATTRIBUTED = frozenset({"SENDER_FORBIDDEN"})
ROWS = [row for row in faults().values() if row.code not in OF_TOKENS | ATTRIBUTED]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.code)
async def test_every_row_of_the_fault_table_comes_about(account: SandboxAccount, row: Any) -> None:
    reply = await refused(account, row.code)
    assert code_of(mapping(reply.json()), reply.status) == row.code
    with pytest.raises(Refusal) as raised:
        raise_for(reply)
    assert (raised.value.code, raised.value.status) == (row.code, reply.status)


async def test_what_hubspot_is_not_known_to_say_needs_a_status(account: SandboxAccount) -> None:
    fault = {"route": "enroll", "kind": "status", "code": "MADE_UP"}
    answer = await account.client.post("/_sandbox/faults", json=[fault])
    assert (answer.status_code, "MADE_UP is none of HubSpot's codes" in answer.text) == (422, True)
    assert (await refused(account, "MADE_UP", status=400)).status == 400


async def test_a_token_that_is_not_given_is_refused_by_the_token_route(account: SandboxAccount) -> None:
    app = OAuthApp("sandbox-client", "guessed")
    call = refresh(app, "any")
    answer = await account.client.post(call.path, data=dict(call.form))
    with pytest.raises(Refusal) as raised:
        call.parse(Reply(answer.status_code, dict(answer.headers), answer.content))
    assert {raised.value.code} == OF_TOKENS


async def test_a_conflict_names_the_contact_that_has_the_address(account: SandboxAccount) -> None:
    body = await body_of(account, "CONFLICT")
    assert (body["category"], body["message"]) == ("CONFLICT", "Contact already exists. Existing ID: 3401")


async def test_a_refused_enrollment_has_the_undocumented_type_and_no_category(account: SandboxAccount) -> None:
    for row in ROWS:
        if row.fault in {Party.CONTACT, Party.SENDER}:
            body = await body_of(account, row.code)
            assert body["errorType"] == f"SequenceError.{row.code}"
            assert "category" not in body


async def test_a_missing_scope_is_named(account: SandboxAccount) -> None:
    body = await body_of(account, "MISSING_SCOPES")
    assert body["errors"][0]["context"] == {"requiredGranularScopes": ["automation.sequences.enrollments.write"]}


@pytest.mark.parametrize(
    ("code", "policy", "message"),
    [
        ("DAILY", "DAILY", "You have reached your daily limit."),
        ("RATE_LIMIT_DAILY", "DAILY", "You have reached your daily limit."),
        ("TEN_SECONDLY_ROLLING", "TEN_SECONDLY_ROLLING", "You have reached your ten_secondly_rolling limit."),
        ("SECONDLY", None, "You have reached your secondly limit."),
        ("RATE_LIMIT", None, "You have reached your limit."),
    ],
)
async def test_limits_are_named_by_policy_or_by_text(
    account: SandboxAccount, code: str, policy: str | None, message: str
) -> None:
    body = await body_of(account, code, status=429)
    assert (body.get("policyName"), body["message"], body["errorType"]) == (policy, message, "RATE_LIMIT")


async def test_a_bad_property_is_json_inside_the_text_and_a_code_beside_it(account: SandboxAccount) -> None:
    body = await body_of(account, "PROPERTY_DOESNT_EXIST")
    assert body["category"] == "VALIDATION_ERROR"
    described = [("refused_on_request", "PROPERTY_DOESNT_EXIST")]
    assert property_problems(body) == property_problems({"message": body["message"]}) == described
    assert [error["code"] for error in body["errors"]] == ["PROPERTY_DOESNT_EXIST"]


async def test_a_bad_sequence_id_is_named_by_its_text(account: SandboxAccount) -> None:
    body = await body_of(account, "SEQUENCE_ID_INVALID")
    assert body["message"] == "The sequence ID provided is invalid"


@pytest.mark.parametrize(("options", "wait"), [({}, "60"), ({"retry_after": "86400"}, "86400")])
async def test_a_migration_states_its_wait(account: SandboxAccount, options: dict[str, str], wait: str) -> None:
    assert (await refused(account, "MIGRATION", **options)).headers["retry-after"] == wait


async def test_a_dead_grant_comes_about_at_the_token_route(account: SandboxAccount) -> None:
    await account.control("faults", [{"route": "token", "kind": "status", "status": 400, "code": "BAD_REFRESH_TOKEN"}])
    answer = await account.client.post("/oauth/2026-03/token", data={})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
