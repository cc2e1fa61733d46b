from __future__ import annotations

from typing import Any

import pytest

from tests.support.portal import CONTACTS, SEQUENCES, Portal

ADA = "ada@corp.example"
STATE = ("hs_sequences_is_enrolled", "hs_latest_sequence_unenrolled_date", "hs_latest_sequence_finished_date")
MAPPINGS = "/automation/v4/workflow-id-mappings/batch/read"
NOON = "2027-01-15T08:00:00.000Z"


def membership(workflow: str, email: str = ADA) -> str:
    return f"/automation/v2/workflows/{workflow}/enrollments/contacts/{email}"


async def journal(portal: Portal) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await portal.client.get("/_sandbox/workflow-enrollments")).json()
    return rows


async def test_a_property_that_becomes_known_unenrolls_from_whatever_runs_a_while_later(portal: Portal) -> None:
    await portal.enroll(ADA)
    await portal.write(ADA, segue_unenroll="yes")
    portal.clock.now += 79.5
    assert (await portal.status(ADA)).status_code == 200
    portal.clock.now += 0.5
    assert (await portal.status(ADA)).status_code == 404
    assert await portal.properties(ADA, *STATE, "hs_latest_sequence_ended_date") == {
        "hs_sequences_is_enrolled": "false",
        "hs_latest_sequence_unenrolled_date": "2027-01-15T08:01:20.000Z",
        "hs_latest_sequence_ended_date": "2027-01-15T08:01:20.000Z",
        "hs_latest_sequence_finished_date": None,
    }
    (row,) = await journal(portal)
    assert (row["flow_id"], row["email"], row["trigger"]) == ("910000", ADA, "segue_unenroll")


async def test_the_property_must_be_cleared_before_it_becomes_known_again() -> None:
    portal = Portal(bridge_seconds=1)
    for value in ("first", "second", "", "third"):
        await portal.write(ADA, segue_unenroll=value)
    assert len(await journal(portal)) == 2


async def test_a_sequence_that_ended_before_the_workflow_came_to_it_has_finished(portal: Portal) -> None:
    await portal.enroll(ADA, "310003")
    await portal.write(ADA, segue_unenroll="yes")
    portal.clock.now += 90
    assert await portal.properties(ADA, *STATE) == {
        "hs_sequences_is_enrolled": "false",
        "hs_latest_sequence_unenrolled_date": None,
        "hs_latest_sequence_finished_date": "2027-01-15T08:00:20.000Z",
    }


async def test_a_workflow_that_somebody_is_put_into_unenrolls_and_another_only_takes_note(portal: Portal) -> None:
    await portal.enroll(ADA)
    assert (await portal.client.post(membership("5510002"))).status_code == 204
    assert (await portal.status(ADA)).status_code == 200
    assert (await portal.client.post(membership("5510001"))).status_code == 204
    assert (await portal.status(ADA)).status_code == 404
    rows = await journal(portal)
    assert [(row["workflow_id"], row["action"]) for row in rows] == [("5510002", "enrolled"), ("5510001", "enrolled")]


async def test_who_is_taken_out_of_a_workflow_in_time_stays_in_the_sequence() -> None:
    portal = Portal(workflow_seconds=10)
    await portal.enroll(ADA)
    await portal.client.post(membership("5510001"))
    assert (await portal.client.delete(membership("5510001"))).status_code == 204
    portal.clock.now += 11
    assert (await portal.status(ADA)).status_code == 200
    assert [row["action"] for row in await journal(portal)] == ["enrolled", "unenrolled"]


@pytest.mark.parametrize("path", [membership("910001"), membership("5510001", "nobody@corp.example")])
@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_an_unknown_address_or_a_flow_id_is_404(portal: Portal, method: str, path: str) -> None:
    assert (await portal.client.request(method, path)).status_code == 404
    assert await journal(portal) == []


async def test_flow_ids_are_mapped_to_the_ids_that_the_enrollment_route_wants(portal: Portal) -> None:
    inputs = [{"flowId": "910001", "type": "FLOW_ID"}, {"workflowId": "5510002", "type": "WORKFLOW_ID"}]
    answer = await portal.client.post(MAPPINGS, json={"inputs": inputs})
    assert answer.status_code == 200
    assert answer.json()["results"] == [
        {"flowId": 910001, "workflowId": 5510001},
        {"flowId": 910002, "workflowId": 5510002},
    ]
    unknown = await portal.client.post(MAPPINGS, json={"inputs": [{"flowId": "1", "type": "FLOW_ID"}]})
    assert (unknown.status_code, unknown.json()["results"]) == (207, [])


@pytest.mark.parametrize("what", ["reply", "meeting", "opt_out", "bounce", "unenroll", "finish"])
async def test_what_happens_to_somebody_ends_the_sequence_with_the_right_date(portal: Portal, what: str) -> None:
    enrolled = (await portal.enroll(ADA)).json()
    assert await portal.control("happen", {"email": ADA, "what": what}) == {"ended": enrolled["id"]}
    told = await portal.properties(ADA, *STATE, "hs_sales_email_last_replied", "hs_email_optout")
    assert told == {
        "hs_email_optout": "true" if what == "opt_out" else None,
        "hs_sequences_is_enrolled": "false",
        "hs_latest_sequence_unenrolled_date": None if what == "finish" else NOON,
        "hs_latest_sequence_finished_date": NOON if what == "finish" else None,
        "hs_sales_email_last_replied": NOON if what == "reply" else None,
    }


async def test_a_contact_that_is_deleted_is_found_by_nobody(portal: Portal) -> None:
    contact_id = portal.id_of(ADA)
    enrolled = (await portal.enroll(ADA)).json()
    assert await portal.control("happen", {"email": ADA, "what": "delete"}) == {"ended": enrolled["id"]}
    assert (await portal.client.get(f"{CONTACTS}/{contact_id}")).status_code == 404
    batch = await portal.client.post(f"{CONTACTS}/batch/read", json={"properties": [], "inputs": [{"id": contact_id}]})
    assert (batch.status_code, batch.json()["results"]) == (207, [])
    assert (await portal.client.post("/_sandbox/happen", json={"email": ADA, "what": "reply"})).status_code == 404


@pytest.mark.parametrize(("what", "code"), [("opt_out", "UNSUBSCRIBED"), ("bounce", "RECIPIENT_PREVIOUSLY_BOUNCED")])
async def test_who_opted_out_or_bounced_is_refused_from_then_on(portal: Portal, what: str, code: str) -> None:
    await portal.control("happen", {"email": ADA, "what": what})
    assert await portal.refused_as(ADA) == f"SequenceError.{code}"


async def test_what_happened_shows_after_the_lag() -> None:
    portal = Portal(property_lag=30)
    await portal.enroll(ADA)
    portal.clock.now += 60
    await portal.control("happen", {"email": ADA, "what": "reply"})
    assert (await portal.status(ADA)).status_code == 404
    assert await portal.properties(ADA, "hs_sequences_is_enrolled") == {"hs_sequences_is_enrolled": "true"}
    portal.clock.now += 30
    assert await portal.properties(ADA, "hs_sequences_is_enrolled") == {"hs_sequences_is_enrolled": "false"}


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({"email": ADA, "what": "finish"}, 409),
        ({"email": "nobody@corp.example", "what": "reply"}, 404),
        ({"email": ADA, "what": "vanish"}, 422),
        ({"email": ADA, "what": []}, 422),
        ([], 422),
    ],
)
async def test_what_cannot_happen_is_refused(portal: Portal, told: object, status: int) -> None:
    assert (await portal.client.post("/_sandbox/happen", json=told)).status_code == status


async def test_without_the_scope_a_workflow_is_closed(portal: Portal) -> None:
    answer = await portal.with_token("nobody").post(membership("5510001"))
    assert answer.status_code == 401
    assert (await portal.client.get(SEQUENCES, params={"userId": "7001"})).status_code == 200
