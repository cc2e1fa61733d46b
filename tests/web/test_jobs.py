"""Jobs over HTTP: shown, asked for, paused; and the groups of parked enrollments that they begin from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from tests.support.service import OPERATOR_TOKEN, VIEWER_TOKEN, Running
from tests.web.test_access import bearer
from tests.web.test_operators import signup

if TYPE_CHECKING:
    import httpx

BEN: dict[str, Any] = {"reason": "DISCONNECTED_INBOX", "sender": "ben"}
RELEASE: dict[str, Any] = {"kind": "release_parked", "filter": BEN}


@pytest.fixture
async def parked(web: Running) -> Running:
    for number in range(3):
        await web.deliver("crm", signup(number, f"p{number}@corp.example"))
    async with web.process.engine.begin() as connection:
        state = "state = 'parked', reason = 'DISCONNECTED_INBOX', sender = 'ben'"
        await connection.execute(text(f"UPDATE enrollments SET {state}"))  # noqa: S608  # ours
    return web


def problem(answer: httpx.Response) -> tuple[int, str, str]:
    return answer.status_code, answer.json()["type"].partition("#")[2], answer.json()["detail"]


async def test_a_group_is_shown_asked_for_and_listed(parked: Running) -> None:
    ((group),) = (await parked.get("/api/v1/parked")).json()["items"]
    assert (group["value"], group["count"], group["may_be_released"]) == ("DISCONNECTED_INBOX", 3, True)
    assert "inbox" in group["cause"]["sentence"]
    shown = (await parked.post("/api/v1/jobs/preview", kind="release_parked", filter=group["filter"])).json()
    assert (shown["count"], shown["most"], shown["seconds"]) == (3, None, 0.3)
    assert [row["email"] for row in shown["first"]] == [f"p{number}@corp.example" for number in range(3)]
    answer = await parked.post("/api/v1/jobs", token=OPERATOR_TOKEN, expected_count=3, reason="mended", **RELEASE)
    job = answer.json()
    assert (answer.status_code, job["state"], job["total"], job["asked_by"]) == (200, "waiting", 3, "olga")
    assert job["filter"] == BEN | {"states": ["parked"]}
    assert (await parked.get(f"/api/v1/jobs/{job['id']}")).json()["reason"] == "mended"
    again = await parked.post("/api/v1/jobs", expected_count=3, **RELEASE)
    assert (problem(again)[:2], again.json()["job"]) == ((409, "already-asked"), job["id"])
    listed = (await parked.get("/api/v1/jobs", limit=1)).json()
    assert ([one["id"] for one in listed["items"]], listed["next_cursor"]) == ([job["id"]], None)
    assert (await parked.get("/api/v1/jobs", state="done")).json()["items"] == []


async def test_a_viewer_sees_what_a_job_would_be_about_and_no_address(parked: Running) -> None:
    answer = await parked.client.post("/api/v1/jobs/preview", json=RELEASE, headers=bearer(VIEWER_TOKEN))
    assert (answer.status_code, answer.json()["count"], answer.json()["most"]) == (200, 3, 0)
    assert answer.json()["first"][0]["email"] == "p***@corp.example"


async def test_what_is_not_begun_says_why(parked: Running) -> None:
    more = await parked.post("/api/v1/jobs", expected_count=2, **RELEASE)
    assert problem(more) == (409, "more-than-shown", "3 match by now, and 2 were shown: look again.")
    assert more.json()["count"] == 3
    none = await parked.post("/api/v1/jobs", kind="cancel", filter={"rule": "other"}, expected_count=0)
    assert problem(none) == (409, "not-begun", "Nothing matches: there is nothing to do.")
    kind = await parked.post("/api/v1/jobs", kind="burn", filter=BEN, expected_count=3)
    assert problem(kind)[:2] == (422, "invalid-request")
    lost = await parked.post("/api/v1/jobs/preview", kind="release_parked", filter={"reason": "unsettled"})
    assert problem(lost)[:2] == (422, "invalid-request")
    assert "look at each of them" in problem(lost)[2]


async def test_an_operator_may_ask_for_a_thousand(parked: Running) -> None:
    async with parked.process.engine.begin() as connection:
        await connection.execute(
            text("""
                INSERT INTO enrollments (id, decision_id, event_id, delivery_id, source, rule, account, email, sequence,
                    properties, require, intent, received_at, created_at, updated_at, state, reason, due_at, sender)
                SELECT 'enr_' || n, '', '', '', 'crm', 'signup', 'main', n || '@corp.example', '1', '{}', '{}', 'demo',
                    now(), now(), now(), 'parked', 'DISCONNECTED_INBOX', now(), 'ben' FROM generate_series(1, 998) AS n
            """)
        )
    answer = await parked.post("/api/v1/jobs", token=OPERATOR_TOKEN, expected_count=1001, **RELEASE)
    assert problem(answer)[:2] == (403, "too-many-for-role")
    assert (await parked.post("/api/v1/jobs", expected_count=1001, **RELEASE)).status_code == 200


async def test_a_job_is_paused_resumed_and_cancelled(parked: Running) -> None:
    job = (await parked.post("/api/v1/jobs", expected_count=3, **RELEASE)).json()["id"]
    for move, state in (("pause", "paused"), ("resume", "waiting"), ("cancel", "cancelled")):
        answer = await parked.post(f"/api/v1/jobs/{job}/{move}", token=OPERATOR_TOKEN)
        assert (answer.status_code, answer.json()["state"]) == (200, state)
    again = await parked.post(f"/api/v1/jobs/{job}/resume")
    assert problem(again) == (409, "wrong-state", "The job is cancelled: resume is not possible.")
    assert problem(await parked.post("/api/v1/jobs/job_1/pause"))[:2] == (404, "not-found")
