"""Stored events that are decided again: asked for by an operator over HTTP, or sent again by their tool."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from tests.support.service import ADMIN_TOKEN, RULES, close_database, open_database, running, write
from tests.web.test_operators import is_problem, post, reload, signup

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from tests.support.postgres import Databases
    from tests.support.service import Running

PARKED = "state = 'parked', reason = 'SEQUENCE_ID_INVALID'"
SINCE = "2026-01-01T00:00:00Z"


async def put(web: Running, changes: str, *, free: bool = False) -> None:
    """Put every enrollment into a state, as a worker leaves it."""
    async with web.process.engine.begin() as connection:
        await connection.exec_driver_sql(f"UPDATE enrollments SET {changes}")  # noqa: S608  # ours
        if free:
            await connection.exec_driver_sql("DELETE FROM intents")


async def mend(web: Running, rules: Path, old: str, new: str) -> None:
    write(rules, RULES.replace(old, new))
    assert (await reload(web)).status_code == 200


async def decide_many(web: Running, **body: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}
    return await web.client.post("/api/v1/events/decide", json=body, headers=headers)


async def event_id(web: Running) -> str:
    (listed,) = (await web.get("/api/v1/events")).json()["items"]
    return str(listed["id"])


async def states(web: Running) -> list[tuple[str, str]]:
    return [(row["sequence"], row["state"]) for row in await web.rows("SELECT * FROM enrollments ORDER BY id")]


async def test_a_parked_one_is_decided_again_by_the_mended_rule(web: Running, rules: Path) -> None:
    await web.deliver("crm", signup(1))
    await put(web, PARKED)
    await mend(web, rules, "310001", "310009")
    path = f"/api/v1/events/{await event_id(web)}/decide"

    tried = (await post(web, path + "?dry_run=true")).json()
    assert await states(web) == [("310001", "parked")]
    done = (await post(web, path)).json()

    assert await states(web) == [("310001", "cancelled"), ("310009", "ready")]
    assert [answer["status"] for answer in (tried, done)] == ["decided", "decided"]
    (decision,) = done["decisions"]
    read = (await web.get(f"/api/v1/decisions/{decision['id']}")).json()
    first = (await web.get("/api/v1/decisions")).json()["items"][-1]
    assert (read["verdict"], read["replaces"], read["revision"]) == (
        "enroll",
        first["id"],
        web.process.current_rulebook().revision,
    )
    assert web.counted("decisions_total", rule="signup", outcome="enroll") == 2


async def test_what_cannot_be_decided_again_is_a_problem_that_says_why(web: Running) -> None:
    assert is_problem(await post(web, "/api/v1/events/evt_none/decide"), 404, "not-found")
    await web.deliver("crm", signup(1))
    async with web.process.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE events SET data = NULL")
    answer = await post(web, f"/api/v1/events/{await event_id(web)}/decide")
    assert is_problem(answer, 409, "not-decided")
    assert "SEGUE_RETENTION_DAYS" in answer.json()["detail"]


async def test_all_events_of_a_rule_are_decided_again_a_page_at_a_time(web: Running, rules: Path) -> None:
    for number in range(3):
        await web.deliver("crm", signup(number, f"p{number}@corp.example", employees=10))
    await mend(web, rules, ">= 50", ">= 5")

    tried = (await decide_many(web, rule="signup", since=SINCE, dry_run=True)).json()
    assert await states(web) == []
    first = (await decide_many(web, rule="signup", since=SINCE, limit=2)).json()
    second = (await decide_many(web, rule="signup", since=SINCE, cursor=first["next_cursor"])).json()

    assert tried["counts"] == {"decided": 3, "replaced": 0, "enroll": 3}
    assert [item["before"] for item in tried["items"]] == ["none"] * 3
    assert [len(page["items"]) for page in (first, second)] == [2, 1]
    assert second["next_cursor"] is None
    assert len(await states(web)) == 3


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"rule": "nobody", "since": SINCE}, 404),
        ({"rule": "signup", "since": "yesterday"}, 422),
        ({"rule": "signup", "since": "2026-01-01T00:00:00"}, 422),
        ({"rule": "signup"}, 422),
        ({"since": SINCE}, 422),
        ({"rule": "signup", "since": SINCE, "limit": 201}, 422),
        ({"rule": "signup", "since": SINCE, "cursor": "dec_01"}, 422),
    ],
)
async def test_a_request_for_many_that_names_too_little_does_nothing(
    web: Running, body: dict[str, Any], status: int
) -> None:
    assert (await decide_many(web, **body)).status_code == status


async def test_a_release_may_go_by_the_rules_of_now(web: Running, rules: Path) -> None:
    await web.deliver("crm", signup(1))
    await put(web, PARKED)
    await mend(web, rules, "310001", "310009")
    (row,) = (await web.get("/api/v1/enrollments")).json()["items"]
    path = f"/api/v1/enrollments/{row['id']}/release?as_rules_now=true"

    released = (await post(web, path)).json()

    assert (released["sequence"], released["state"], released["reason"]) == ("310009", "ready", None)
    assert await states(web) == [("310001", "cancelled"), ("310009", "ready")]
    assert is_problem(await post(web, path), 409, "wrong-state")
    assert is_problem(await post(web, "/api/v1/enrollments/enr_none/release?as_rules_now=true"), 404, "not-found")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (f"{PARKED}, first_sending_at = clock_timestamp()", "may have been sent"),
        ("state = 'enrolled'", "it is enrolled"),
    ],
)
async def test_what_is_not_released_by_the_rules_of_now_stays_as_it_is(web: Running, changes: str, said: str) -> None:
    await web.deliver("crm", signup(1))
    await put(web, changes)
    (row,) = (await web.get("/api/v1/enrollments")).json()["items"]
    answer = await post(web, f"/api/v1/enrollments/{row['id']}/release?as_rules_now=true")
    assert is_problem(answer, 409, "wrong-state")
    assert said in answer.json()["detail"]
    assert (await web.get(f"/api/v1/enrollments/{row['id']}")).json()["state"] == row["state"]


SENT_AGAIN = [
    ("state = 'refused', reason = 'PROPERTY_DATA_IS_INVALID'", True),
    ("state = 'cancelled', reason = 'by_operator'", True),
    ("state = 'cancelled', reason = 'by_rule'", False),
    ("state = 'refused', reason = 'left_since'", False),
    ("state = 'expired', reason = 'expired'", False),
    ("state = 'enrolled'", False),
    ("state = 'ready'", False),
    (PARKED, False),
    ("state = 'cancelled', reason = 'by_operator', first_sending_at = clock_timestamp()", False),
    ("state = 'refused', reason = 'suppressed', first_sending_at = clock_timestamp()", False),
]


@pytest.mark.parametrize(("left", "again"), SENT_AGAIN)
async def test_an_event_that_its_tool_sends_again_is_decided_again_where_nothing_came_of_it(
    web: Running,
    left: str,
    again: bool,  # noqa: FBT001  # pytest passes it by name
) -> None:
    first = (await web.deliver("crm", signup(1))).json()["id"]
    await put(web, left, free=True)
    (before,) = await states(web)

    with capture_logs() as logs:
        answer = await web.deliver("crm", signup(1))

    assert answer.status_code == 200
    assert await states(web) == [before, ("310001", "ready")] if again else [before]
    assert answer.json() == {"received": True, "id": first, "duplicate": True}
    asked_by = [line["by"] for line in logs if line["event"] == "event.decided_again"]
    assert asked_by == (["resend"] if again else [])
    assert len(await web.rows("SELECT 1 FROM decisions")) == 1 + again


async def test_what_no_rule_matched_is_decided_again_once_the_rules_match_it(web: Running, rules: Path) -> None:
    await web.deliver("crm", signup(1, employees=10))
    for _ in range(3):
        await web.deliver("crm", signup(1, employees=10))
    assert [row["verdict"] for row in await web.rows("SELECT verdict FROM decisions")] == ["none"]
    await mend(web, rules, ">= 50", ">= 5")
    for _ in range(3):
        await web.deliver("crm", signup(1, employees=10))
    assert [row["verdict"] for row in await web.rows("SELECT verdict FROM decisions ORDER BY id")] == ["none", "enroll"]
    assert await states(web) == [("310001", "ready")]


async def test_a_storm_of_the_same_event_makes_one_enrollment(web: Running) -> None:
    await web.deliver("crm", signup(1))
    await put(web, "state = 'refused', reason = 'PROPERTY_DATA_IS_INVALID'", free=True)
    answers = await asyncio.gather(*(web.deliver("crm", signup(1)) for _ in range(12)))
    assert {answer.status_code for answer in answers} == {200}
    assert await states(web) == [("310001", "refused"), ("310001", "ready")]
    assert len(await web.rows("SELECT 1 FROM decisions")) == 2


async def test_an_event_that_was_a_duplicate_stays_one(web: Running) -> None:
    await web.deliver("crm", signup(1))
    await web.deliver("crm", signup(2))
    await put(web, "state = 'cancelled', reason = 'by_operator'", free=True)
    await web.deliver("crm", signup(2))
    assert await states(web) == [("310001", "cancelled")]
    assert len(await web.rows("SELECT 1 FROM decisions")) == 2


async def test_before_there_are_rules_nothing_is_decided(database_url: str, rules: Path) -> None:
    async with running(database_url, rules, load=False) as web:
        assert (await decide_many(web, rule="signup", since=SINCE)).status_code == 503


async def test_without_the_database_an_operator_and_a_tool_are_asked_to_come_again(
    web: Running, postgres: Databases, database_url: str
) -> None:
    await web.deliver("crm", signup(1))
    id_ = await event_id(web)
    await close_database(postgres.url, database_url)
    answers = [await post(web, f"/api/v1/events/{id_}/decide"), await decide_many(web, rule="signup", since=SINCE)]
    assert [answer.status_code for answer in answers] == [503, 503]
    await open_database(postgres.url, database_url)
