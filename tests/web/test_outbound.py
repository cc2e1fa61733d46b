"""What operators see of outbound events and endpoints, and what they do to them."""

from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, get_args

import httpx
import pytest
from sqlalchemy import text

from app.clock import utc_now
from app.model import OutboundKind
from app.outbound.retry_schedule import Outcome, Verdict
from app.outbound.store import Outbox, note
from app.web.api import endpoints
from app.web.api.outbound import Kind
from app.web.app import create_app
from tests.support.service import ADMIN_TOKEN, RULES, write

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from app.outbound.store import Outgoing
    from tests.support.service import Running

ENROLLED = "SELECT id FROM enrollments ORDER BY id"


async def act(web: Running, path: str, body: Any = None) -> httpx.Response:
    headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}
    return await web.client.post(f"/api/v1{path}", json=body, headers=headers)


async def noted(web: Running, *emails: str, kind: OutboundKind = OutboundKind.ENROLLED) -> list[str]:
    """Accept an enrollment of each, and note an event of it; return the events' ids, oldest first."""
    for email in emails:
        await web.deliver("crm", {"type": "signup", "data": {"email": email, "employees": 80}})
    ids = [row["id"] for row in await web.rows(ENROLLED)][-len(emails) :]
    for identity in ids:
        async with web.process.engine.begin() as connection:
            await note(connection, kind, [identity], ["crm-back"])
    wanted = f"SELECT id FROM outbound WHERE enrollment_id = ANY('{{{','.join(ids)}}}') ORDER BY due_at"  # noqa: S608  # ids of ours
    return [row["id"] for row in await web.rows(wanted)]


async def end(web: Running, verdict: Verdict, status: int, due_at: datetime | None = None) -> list[Outgoing]:
    """Have all that wait end so."""
    outbox = Outbox(web.process.engine, worker="w1", lease=timedelta(seconds=60))
    endpoint = web.process.rulebook.endpoints()["crm-back"]
    claimed = await outbox.claim([(endpoint, 100)], now=utc_now())
    error = None if verdict is Verdict.DELIVERED else f"status {status}"
    outcome = Outcome(verdict, status, error, due_at, 12, "what it said" if error else None)
    for outgoing in claimed:
        await outbox.record(outgoing, endpoint, outcome, now=utc_now())
    return claimed


def test_events_may_be_asked_for_by_every_kind_there_is() -> None:
    assert set(get_args(Kind)) == {*OutboundKind, "test", "forgotten"}


async def test_events_are_listed_by_what_is_asked_for_newest_first(web: Running) -> None:
    first, second = await noted(web, "ada@corp.example", "bea@corp.example")
    (third,) = await noted(web, "cid@corp.example", kind=OutboundKind.PARKED)

    async def ids(**filters: Any) -> list[str]:
        answer = await web.get("/api/v1/outbound", **filters)
        assert answer.status_code == 200, answer.text
        return [row["id"] for row in answer.json()["items"]]

    assert await ids(kind="enrolled") == sorted([first, second], reverse=True)
    assert await ids(kind="parked", endpoint="crm-back", state="waiting") == [third]
    assert await ids(state="failed") == await ids(endpoint="missing") == []
    (enrollment, *_) = await web.rows(ENROLLED)
    assert await ids(enrollment_id=enrollment["id"]) == [first]
    page = (await web.get("/api/v1/outbound", limit=2)).json()
    rest = (await web.get("/api/v1/outbound", limit=2, cursor=page["next_cursor"])).json()
    assert sorted(row["id"] for row in page["items"] + rest["items"]) == sorted([first, second, third])
    assert rest["next_cursor"] is None
    assert (await web.get("/api/v1/outbound", endpoin="crm")).status_code == 422


async def test_one_event_is_shown_with_its_bytes_and_what_came_of_each_attempt(web: Running) -> None:
    (identity,) = await noted(web, "ada@corp.example")
    await end(web, Verdict.FAILED, 500, utc_now())
    shown = (await web.get(f"/api/v1/outbound/{identity}")).json()
    assert (shown["state"], shown["tries"], shown["last_status"]) == ("waiting", 1, 500)
    assert json.loads(shown["body"])["data"]["email"] == "ada@corp.example"
    (row,) = await web.rows("SELECT body FROM outbound")
    assert shown["body"].encode() == row["body"]
    (attempt,) = shown["attempts"]
    assert (attempt["status"], attempt["milliseconds"], attempt["answer"]) == (500, 12, "what it said")
    assert (await web.get("/api/v1/outbound/out_nothing")).status_code == 404


async def test_a_replay_sends_the_same_bytes_under_the_same_id_with_all_tries(web: Running) -> None:
    (identity,) = await noted(web, "ada@corp.example")
    (sent,) = await end(web, Verdict.FAILED, 500)
    assert (await web.get(f"/api/v1/outbound/{identity}")).json()["state"] == "failed"
    answer = await act(web, f"/outbound/{identity}/replay")
    assert (answer.status_code, answer.json()["state"], answer.json()["tries"]) == (200, "waiting", 0)
    (again,) = await end(web, Verdict.DELIVERED, 200)
    assert (sent.id, sent.body) == (again.id, again.body)
    shown = (await web.get(f"/api/v1/outbound/{identity}")).json()
    assert [attempt["status"] for attempt in shown["attempts"]] == [500, 200]
    assert (await act(web, f"/outbound/{identity}/replay")).status_code == 200


async def test_what_is_on_its_way_is_not_replayed(web: Running) -> None:
    (identity,) = await noted(web, "ada@corp.example")
    async with web.process.engine.begin() as connection:
        await connection.execute(text("UPDATE outbound SET state = 'sending'"))
    answer = await act(web, f"/outbound/{identity}/replay")
    assert (answer.status_code, answer.json()["type"].rpartition("#")[2]) == (409, "wrong-state")
    assert (await act(web, "/outbound/out_nothing/replay")).status_code == 404


async def test_many_are_replayed_by_time_and_state(web: Running) -> None:
    await noted(web, "old@corp.example")
    async with web.process.engine.begin() as connection:
        await connection.execute(text("UPDATE outbound SET created_at = now() - interval '2 days'"))
    await noted(web, "ada@corp.example")
    await end(web, Verdict.FAILED, 500)
    await noted(web, "bea@corp.example")
    await end(web, Verdict.DELIVERED, 200)
    ask = {"endpoint": "crm-back", "since": "2020-01-01T00:00:00Z"}
    for changes, replayed in [
        ({"until": "2020-01-02T00:00:00+02:00"}, 0),
        ({"since": "2200-01-01T00:00:00Z", "state": "all"}, 0),
        ({"state": "delivered"}, 1),
        ({}, 2),
        ({"state": "all"}, 0),
    ]:
        counted = (await act(web, "/outbound/replay/count", ask | changes)).json()
        assert (counted["total"], counted["failed"] + counted["delivered"], counted["more"]) == (
            replayed,
            replayed,
            False,
        )
        answer = await act(web, "/outbound/replay", ask | changes)
        assert answer.json() == {"replayed": replayed}, changes
    assert {row["state"] for row in await web.rows("SELECT state FROM outbound")} == {"waiting"}


async def test_a_replay_for_an_unknown_name_is_no_success(web: Running, rules: Path) -> None:
    ask = {"endpoint": "crm-bakc", "since": "2020-01-01T00:00:00Z"}
    answer = await act(web, "/outbound/replay", ask)
    assert (answer.status_code, answer.json()["type"].rpartition("#")[2]) == (404, "not-found")
    # Nothing was ever noted for this one, but the rules have it; and what was noted for one that left is replayed.
    assert (await act(web, "/outbound/replay", ask | {"endpoint": "crm-back"})).json() == {"replayed": 0}
    await noted(web, "ada@corp.example")
    await end(web, Verdict.FAILED, 500)
    write(rules, RULES.replace("crm-back:", "crm-new:"))
    await web.process.rulebook.reload()
    assert (await act(web, "/outbound/replay", ask | {"endpoint": "crm-back"})).json() == {"replayed": 1}


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"endpoint": "crm-back"},
        {"endpoint": "crm-back", "since": "2026-01-01"},
        {"endpoint": "crm-back", "since": "0001-01-01T00:00:00+05:00"},
        {"endpoint": "crm-back", "since": "2026-01-01T00:00:00Z", "state": "waiting"},
    ],
)
async def test_a_replay_that_cannot_be_meant_is_refused(web: Running, wrong: Any) -> None:
    assert (await act(web, "/outbound/replay", wrong)).status_code == 422


async def standing(web: Running, name: str = "crm-back") -> dict[str, Any]:
    rows = (await web.get("/api/v1/endpoints")).json()["items"]
    found: dict[str, Any] = next(row for row in rows if row["name"] == name)
    return found


async def test_endpoints_are_listed_with_their_breaker_and_no_secret(web: Running) -> None:
    assert await standing(web) == {
        "name": "crm-back",
        "url": "https://crm.acme.example/${HOOK_PATH}",
        "events": ["enrolled", "parked"],
        "accounts": None,
        "state": "closed",
        "failures": 0,
        "open_until": None,
        "disabled_at": None,
        "waiting": 0,
        "failed": 0,
        "oldest_seconds": 0.0,
        "last_success_at": None,
        "last_error": None,
        "last_error_at": None,
    }
    await noted(web, *(f"p{number}@corp.example" for number in range(6)))
    await end(web, Verdict.DELIVERED, 200)
    await noted(web, *(f"q{number}@corp.example" for number in range(6)))
    await end(web, Verdict.FAILED, 502)
    await noted(web, "late@corp.example")
    now = await standing(web)
    assert (now["state"], now["failures"], now["waiting"], now["failed"]) == ("open", 6, 1, 6)
    assert (now["last_error"], now["last_success_at"] is None, now["oldest_seconds"] > 0) == ("status 502", False, True)


async def test_an_endpoint_that_said_it_is_gone_is_enabled_again(web: Running) -> None:
    await noted(web, "ada@corp.example")
    await end(web, Verdict.GONE, 410, utc_now())
    assert (await standing(web))["state"] == "disabled"
    assert await end(web, Verdict.DELIVERED, 200) == []
    assert await web.rows("SELECT state, tries FROM outbound") == [{"state": "waiting", "tries": 0}]
    answer = await act(web, "/endpoints/crm-back/enable")
    assert (answer.status_code, answer.json()["state"], answer.json()["disabled_at"]) == (200, "closed", None)
    assert len(await end(web, Verdict.DELIVERED, 200)) == 1
    assert (await act(web, "/endpoints/missing/enable")).status_code == 404


async def test_an_endpoint_that_leaves_the_rules_while_it_is_enabled_is_not_found(web: Running) -> None:
    views = iter([web.process.rulebook.endpoints(), {}])
    process: Any = SimpleNamespace(engine=web.process.engine, rulebook=SimpleNamespace(endpoints=lambda: next(views)))
    app = create_app([endpoints.routes(process)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://segue.example") as client:
        answer = await client.post("/api/v1/endpoints/crm-back/enable")
    assert (answer.status_code, answer.json()["type"].rpartition("#")[2]) == (404, "not-found")


async def test_a_test_event_goes_to_one_endpoint_as_all_others_do(web: Running) -> None:
    answer = await act(web, "/endpoints/crm-back/test")
    assert (answer.status_code, answer.json()["kind"], answer.json()["enrollment_id"]) == (202, "test", None)
    body = json.loads(answer.json()["body"])
    assert (body["type"], body["data"]) == ("segue.test", {"endpoint": "crm-back"})
    assert len(await end(web, Verdict.DELIVERED, 200)) == 1
    assert (await act(web, "/endpoints/missing/test")).status_code == 404


async def test_one_that_left_the_rules_is_listed_while_something_waits_for_it(web: Running, rules: Path) -> None:
    await noted(web, "ada@corp.example")
    write(rules, RULES.replace("crm-back:", "crm-new:"))
    await web.process.rulebook.reload()
    assert (await standing(web))["state"] == "not-in-rules"
    assert (await standing(web))["waiting"] == 1
    assert (await standing(web, "crm-new"))["state"] == "closed"
    assert (await act(web, "/endpoints/crm-back/test")).status_code == 404


async def test_another_url_in_the_rules_is_sent_to_again(web: Running, rules: Path) -> None:
    await noted(web, "ada@corp.example")
    await end(web, Verdict.GONE, 410, utc_now())
    write(rules, RULES.replace("crm.acme.example", "crm2.acme.example"))
    await web.process.rulebook.reload()
    assert (await standing(web))["state"] == "closed"
    assert len(await end(web, Verdict.DELIVERED, 200)) == 1


async def test_gauges_say_how_endpoints_stand(web: Running, rules: Path) -> None:
    await noted(web, *(f"q{number}@corp.example" for number in range(5)))
    await end(web, Verdict.FAILED, 502, utc_now())
    page = (await web.get("/metrics")).text
    assert 'segue_outbound_waiting{endpoint="crm-back"} 5.0' in page
    assert 'segue_outbound_breaker{endpoint="crm-back"} 2.0' in page
    assert 'segue_outbound_oldest_waiting_seconds{endpoint="crm-back"}' in page
    write(rules, RULES.replace("crm-back:", "crm-new:"))
    await web.process.rulebook.reload()
    page = (await web.get("/metrics")).text
    assert 'segue_outbound_breaker{endpoint="crm-new"} 0.0' in page
