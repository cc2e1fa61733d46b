from __future__ import annotations

from typing import Any

import pytest

from tests.support.sandbox_account import CONTACTS, SEQUENCES, SandboxAccount

ADA = "ada@corp.example"
STATE = ("hs_sequences_is_enrolled", "hs_latest_sequence_unenrolled_date", "hs_latest_sequence_finished_date")
MAPPINGS = "/automation/v4/workflow-id-mappings/batch/read"
NOON = "2027-01-15T08:00:00.000Z"


def membership(workflow: str, email: str = ADA) -> str:
    return f"/automation/v2/workflows/{workflow}/enrollments/contacts/{email}"


async def journal(account: SandboxAccount) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await account.client.get("/_sandbox/workflow-enrollments")).json()
    return rows


async def test_a_property_that_becomes_known_unenrolls_a_while_later(
    account: SandboxAccount,
) -> None:
    await account.enroll(ADA)
    await account.write(ADA, segue_unenroll="yes")
    account.clock.now += 79.5
    assert (await account.status(ADA)).status_code == 200
    account.clock.now += 0.5
    assert (await account.status(ADA)).status_code == 404
    assert await account.properties(ADA, *STATE, "hs_latest_sequence_ended_date") == {
        "hs_sequences_is_enrolled": "false",
        "hs_latest_sequence_unenrolled_date": "2027-01-15T08:01:20.000Z",
        "hs_latest_sequence_ended_date": "2027-01-15T08:01:20.000Z",
        "hs_latest_sequence_finished_date": None,
    }
    (row,) = await journal(account)
    assert (row["flow_id"], row["email"], row["trigger"]) == ("910000", ADA, "segue_unenroll")


async def test_the_property_must_be_cleared_before_it_becomes_known_again() -> None:
    account = SandboxAccount(bridge_seconds=1)
    for value in ("first", "second", "", "third"):
        await account.write(ADA, segue_unenroll=value)
    assert len(await journal(account)) == 2


async def test_a_sequence_that_ended_before_the_workflow_came_to_it_has_finished(account: SandboxAccount) -> None:
    await account.enroll(ADA, "310003")
    await account.write(ADA, segue_unenroll="yes")
    account.clock.now += 90
    assert await account.properties(ADA, *STATE) == {
        "hs_sequences_is_enrolled": "false",
        "hs_latest_sequence_unenrolled_date": None,
        "hs_latest_sequence_finished_date": "2027-01-15T08:00:20.000Z",
    }


async def test_a_workflow_unenrolls_its_contact_and_another_only_takes_note(
    account: SandboxAccount,
) -> None:
    await account.enroll(ADA)
    assert (await account.client.post(membership("5510002"))).status_code == 204
    assert (await account.status(ADA)).status_code == 200
    assert (await account.client.post(membership("5510001"))).status_code == 204
    assert (await account.status(ADA)).status_code == 404
    rows = await journal(account)
    assert [(row["workflow_id"], row["action"]) for row in rows] == [("5510002", "enrolled"), ("5510001", "enrolled")]


async def test_who_is_taken_out_of_a_workflow_in_time_stays_in_the_sequence() -> None:
    account = SandboxAccount(workflow_seconds=10)
    await account.enroll(ADA)
    await account.client.post(membership("5510001"))
    assert (await account.client.delete(membership("5510001"))).status_code == 204
    account.clock.now += 11
    assert (await account.status(ADA)).status_code == 200
    assert [row["action"] for row in await journal(account)] == ["enrolled", "unenrolled"]


@pytest.mark.parametrize("path", [membership("910001"), membership("5510001", "nobody@corp.example")])
@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_an_unknown_address_or_a_flow_id_is_404(account: SandboxAccount, method: str, path: str) -> None:
    assert (await account.client.request(method, path)).status_code == 404
    assert await journal(account) == []


async def test_flow_ids_are_mapped_to_the_ids_that_the_enrollment_route_wants(account: SandboxAccount) -> None:
    inputs = [{"flowId": "910001", "type": "FLOW_ID"}, {"workflowId": "5510002", "type": "WORKFLOW_ID"}]
    answer = await account.client.post(MAPPINGS, json={"inputs": inputs})
    assert answer.status_code == 200
    assert answer.json()["results"] == [
        {"flowId": 910001, "workflowId": 5510001},
        {"flowId": 910002, "workflowId": 5510002},
    ]
    unknown = await account.client.post(MAPPINGS, json={"inputs": [{"flowId": "1", "type": "FLOW_ID"}]})
    assert (unknown.status_code, unknown.json()["results"]) == (207, [])


@pytest.mark.parametrize("what", ["reply", "meeting", "opt_out", "bounce", "unenroll", "finish"])
async def test_a_happening_ends_the_sequence_with_the_right_date(account: SandboxAccount, what: str) -> None:
    enrolled = (await account.enroll(ADA)).json()
    assert await account.control("happen", {"email": ADA, "what": what}) == {"ended": enrolled["id"]}
    shown = await account.properties(ADA, *STATE, "hs_sales_email_last_replied", "hs_email_optout")
    assert shown == {
        "hs_email_optout": "true" if what == "opt_out" else None,
        "hs_sequences_is_enrolled": "false",
        "hs_latest_sequence_unenrolled_date": None if what == "finish" else NOON,
        "hs_latest_sequence_finished_date": NOON if what == "finish" else None,
        "hs_sales_email_last_replied": NOON if what == "reply" else None,
    }


async def test_a_contact_that_is_deleted_is_not_found(account: SandboxAccount) -> None:
    contact_id = account.id_of(ADA)
    enrolled = (await account.enroll(ADA)).json()
    assert await account.control("happen", {"email": ADA, "what": "delete"}) == {"ended": enrolled["id"]}
    assert (await account.client.get(f"{CONTACTS}/{contact_id}")).status_code == 404
    batch = await account.client.post(f"{CONTACTS}/batch/read", json={"properties": [], "inputs": [{"id": contact_id}]})
    assert (batch.status_code, batch.json()["results"]) == (207, [])
    assert (await account.client.post("/_sandbox/happen", json={"email": ADA, "what": "reply"})).status_code == 404


@pytest.mark.parametrize(("what", "code"), [("opt_out", "UNSUBSCRIBED"), ("bounce", "RECIPIENT_PREVIOUSLY_BOUNCED")])
async def test_who_opted_out_or_bounced_is_refused_from_then_on(account: SandboxAccount, what: str, code: str) -> None:
    await account.control("happen", {"email": ADA, "what": what})
    assert await account.refused_as(ADA) == f"SequenceError.{code}"


async def test_what_happened_shows_after_the_lag() -> None:
    account = SandboxAccount(property_lag=30)
    await account.enroll(ADA)
    account.clock.now += 60
    await account.control("happen", {"email": ADA, "what": "reply"})
    assert (await account.status(ADA)).status_code == 404
    assert await account.properties(ADA, "hs_sequences_is_enrolled") == {"hs_sequences_is_enrolled": "true"}
    account.clock.now += 30
    assert await account.properties(ADA, "hs_sequences_is_enrolled") == {"hs_sequences_is_enrolled": "false"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"email": ADA, "what": "finish"}, 409),
        ({"email": "nobody@corp.example", "what": "reply"}, 404),
        ({"email": ADA, "what": "vanish"}, 422),
        ({"email": ADA, "what": []}, 422),
        ([], 422),
    ],
)
async def test_what_cannot_happen_is_refused(account: SandboxAccount, body: object, status: int) -> None:
    assert (await account.client.post("/_sandbox/happen", json=body)).status_code == status


async def test_without_the_scope_a_workflow_is_closed(account: SandboxAccount) -> None:
    answer = await account.with_token("unknown").post(membership("5510001"))
    assert answer.status_code == 401
    assert (await account.client.get(SEQUENCES, params={"userId": "7001"})).status_code == 200
